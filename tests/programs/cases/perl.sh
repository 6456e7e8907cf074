# SPDX-License-Identifier: MIT
# needs: perl
perl -we '
use strict; use Fcntl qw(:flock :DEFAULT :seek); use File::Find; use File::Temp qw(tempfile tempdir); use POSIX (); use IO::Handle; use File::Copy; use SDBM_File;
sysopen(my $f, "data", O_RDWR|O_CREAT|O_TRUNC, 0640) or die; syswrite($f, "0123456789" x 1000); sysseek($f, 5, SEEK_SET); sysread($f, my $x, 7); print "$x\n";
pipe(my $r, my $w); my @kids; for my $i (1..6) { my $pid = fork; if (!$pid) { for (1..50) { open(my $c, "+<", "counter") || open($c, "+>", "counter") or die; flock($c, LOCK_EX); my $n = <$c> // 0; seek($c, 0, 0); print $c $n + 1; truncate($c, tell($c)); close $c; } POSIX::_exit(0); } push @kids, $pid; if ($i == 1) { waitpid $pid, 0; } } waitpid $_, 0 for @kids; open(my $c, "<", "counter"); print "counter ", <$c>, "\n";
mkdir "d"; for (1..100) { open(my $g, ">", "d/$_"); print $g $_ x $_; } opendir(my $d, "d"); my @first = map { scalar readdir $d } 1..20; my $at = telldir $d; my $next = readdir $d; my @rest = readdir $d; seekdir $d, $at; print "telldir ", ($next eq readdir($d) ? "holds" : "fails"), " ", 20 + 1 + @rest, "\n"; rewinddir $d; my @all = readdir $d; print scalar(@all), "\n"; closedir $d;
my $bytes = 0; my $n = 0; find(sub { $n++; $bytes += -s if -f }, "d"); print "$n $bytes\n";
tie my %h, "SDBM_File", "db", O_RDWR|O_CREAT, 0666 or die; $h{"k$_"} = "v$_" for 1..500; untie %h; tie %h, "SDBM_File", "db", O_RDONLY, 0666; print scalar(keys %h), " $h{k77}\n";
my ($t, $name) = tempfile(DIR => "."); print $t "temp"; close $t; move($name, "moved"); copy("moved", "copied"); print -s "copied", "\n"; link "moved", "hard"; symlink "moved", "soft"; print join(" ", (stat "hard")[3,7], readlink "soft"), "\n"; utime 1, 2, "moved"; print join(" ", (stat "hard")[8,9]), "\n"; chmod 0, "hard"; printf "%o\n", (stat "soft")[2]; print unlink(glob "d/*"), "\n"; rmdir "d"; print -e "d" ? "there" : "gone", "\n";
open(my $save, ">&", \*STDOUT); open(STDOUT, ">", "out"); print "to out\n"; system "echo from sh"; STDOUT->flush; open(STDOUT, ">&", $save); open(my $o, "<", "out"); print sort <$o>; open(my $p, "|-", "cat > piped"); print $p "x\n"; close $p; print -s "piped", "\n"; open(my $m, "+<", \my $mem); $! = 0; open(my $no, "<", "no/such") or print 0 + $!, "\n"; local $^I = ".bak"; local @ARGV = ("out"); while (<>) { s/to/into/; print } print -s "out.bak", "\n"; select STDOUT; eval { local $SIG{ALRM} = sub { die "alarm\n" }; alarm 1; open(my $l, "<", "data"); flock($l, LOCK_EX|LOCK_NB); select(undef, undef, undef, 5); }; print $@;
'
cat out; perl -pi.orig -e 's/in/IN/' out; cat out; rm -f db.*
