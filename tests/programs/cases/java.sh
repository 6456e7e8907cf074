# SPDX-License-Identifier: MIT
# needs: java javac
cat > T.java <<'J'
import java.io.*; import java.nio.*; import java.nio.channels.*; import java.nio.file.*; import java.nio.file.attribute.*; import java.util.*; import java.util.concurrent.*; import java.util.stream.*;
public class T {
  public static void main(String[] a) throws Exception {
    Path d = Files.createDirectories(Path.of("d/e")); Files.writeString(d.resolve("f"), "hello"); System.out.println(Files.readString(d.resolve("f")) + Files.size(d.resolve("f")));
    try (RandomAccessFile r = new RandomAccessFile("raf", "rw")) { r.setLength(1 << 20); r.seek(1000); r.writeUTF("utf"); r.seek(1000); System.out.println(r.readUTF() + r.getFilePointer());
      FileChannel c = r.getChannel(); MappedByteBuffer m = c.map(FileChannel.MapMode.READ_WRITE, 0, 1 << 20); m.putInt(0, 42); m.force(); r.seek(0); System.out.println(r.readInt()); r.seek(4096); r.writeInt(7); System.out.println(m.getInt(4096));
      MappedByteBuffer p = c.map(FileChannel.MapMode.PRIVATE, 0, 4096); p.putInt(0, 1); System.out.println(m.getInt(0) + " " + p.getInt(0));
      try (FileLock l = c.lock(0, 100, false)) { System.out.println(l.isValid()); Process o = new ProcessBuilder("java", "-Xshare:auto", "-XX:TieredStopAtLevel=1", "-cp", ".", "L").inheritIO().start(); System.out.println(o.waitFor()); }
      try (FileChannel o = FileChannel.open(Path.of("copy"), StandardOpenOption.CREATE, StandardOpenOption.WRITE)) { System.out.println(c.transferTo(0, 1 << 20, o)); } }
    ExecutorService x = Executors.newFixedThreadPool(6); List<Future<Integer>> all = new ArrayList<>();
    for (int i = 0; i < 6; i++) { int k = i; all.add(x.submit(() -> { int n = 0; for (int j = 0; j < 100; j++) { Path f = Path.of("t" + k + "-" + j); Files.write(f, new byte[j]); n += Files.readAllBytes(f).length; Files.delete(f); try { Files.delete(f); } catch (NoSuchFileException e) { n++; } } return n; })); }
    int sum = 0; for (Future<Integer> f : all) sum += f.get(); x.shutdown(); System.out.println(sum);
    Files.createSymbolicLink(Path.of("s"), Path.of("d")); Files.createLink(Path.of("h"), Path.of("raf")); Files.move(Path.of("d"), Path.of("moved")); System.out.println(Files.exists(Path.of("s")) + " " + Files.getAttribute(Path.of("h"), "unix:nlink")); Files.setPosixFilePermissions(Path.of("h"), PosixFilePermissions.fromString("rwxr-x---")); Files.setLastModifiedTime(Path.of("h"), FileTime.fromMillis(5)); System.out.println(Files.getLastModifiedTime(Path.of("raf")) + PosixFilePermissions.toString(Files.getPosixFilePermissions(Path.of("raf"))));
    try (Stream<Path> w = Files.walk(Path.of("moved"))) { System.out.println(w.map(Path::toString).sorted().collect(Collectors.joining(","))); }
    try { int[] q = null; System.out.println(q.length); } catch (NullPointerException e) { System.out.println("NPE"); }
    try { Files.createDirectory(Path.of("moved")); } catch (FileAlreadyExistsException e) { System.out.println(e.getMessage()); } File t = File.createTempFile("x", "y", new File(".")); t.delete(); UserDefinedFileAttributeView v = Files.getFileAttributeView(Path.of("raf"), UserDefinedFileAttributeView.class); v.write("k", ByteBuffer.wrap("v".getBytes())); System.out.println(v.list());
    Process c = new ProcessBuilder("sh", "-c", "cat; echo err >&2").redirectInput(new File("moved/e/f")).redirectOutput(new File("out")).redirectError(new File("err")).start(); System.out.println(c.waitFor() + Files.readString(Path.of("out")) + Files.readString(Path.of("err")).trim());
  }
}
class L { public static void main(String[] a) throws Exception { try (FileChannel c = FileChannel.open(Path.of("raf"), StandardOpenOption.READ, StandardOpenOption.WRITE)) { System.out.println(c.tryLock(50, 10, false) == null); System.out.println(c.tryLock(200, 10, false) != null); } } }
J
export JAVA_TOOL_OPTIONS="-XX:TieredStopAtLevel=1 -XX:+UseSerialGC"; javac T.java 2>/dev/null; java -cp . T 2>/dev/null; echo "java: $?"
jar cfe t.jar L *.class 2>/dev/null; java -jar t.jar 2>/dev/null; echo "jar: $?"; rm -f *.class t.jar
