// SPDX-License-Identifier: MIT
// btfuse hook: eBPF programs on the calls that are taken over. Loads, lists and unloads objects, shows their maps while
// programs run, and prints the records they write.
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <ctime>
#include <string>
#include <vector>

#include "cli/command.h"
#include "cli/hook/loaded.h"
#include "cli/hook/map_view_printer.h"
#include "cli/hook/shipped.h"
#include "cli/json_writer.h"
#include "loader/object.h"
#include "loader/store.h"
#include "registry/writer.h"

namespace bt::cli {
namespace {

using loader::Store;

// `7`, or the name of exactly one loaded object.
uint64_t find_object(const Store& store, const std::string& word) {
  uint64_t id = 0;
  int found = 0;
  for (const loader::LoadedObject& object : store.list()) {
    if (std::to_string(object.id) != word && object.name != word) continue;
    id = object.id;
    found++;
  }
  if (found > 1) throw CommandError(word, "several objects have that name: say the number");
  if (!found) throw CommandError(word, "no such object is loaded");
  return id;
}

loader::BuildOptions build_options(Arguments& arguments) {
  loader::BuildOptions options;
  options.interpret = arguments.flag("--interpret");
  options.name = arguments.value("--name").value_or("");
  if (options.name.size() > 63) throw CommandError("--name", "longer than 63 characters");
  for (const std::string& setting : arguments.values("--set")) {
    size_t equals = setting.find('=');
    if (equals == std::string::npos || equals == 0)
      throw CommandError("--set " + setting, "expected NAME=VALUE");
    options.settings.push_back({setting.substr(0, equals), setting.substr(equals + 1)});
  }
  return options;
}

// The ELF parser beneath us is not made for hostile files, and some damage makes it crash: a child tries first.
void check_parser_survives(const std::string& path, const loader::BuildOptions& options) {
  pid_t child = fork();
  if (child < 0) throw command_error(path, errno);
  if (child == 0) {
    try {
      (void)loader::build_object(path, options);
    } catch (const std::exception&) {
      // The parent meets it again and says so.
    }
    _exit(0);
  }
  int status = 0;
  while (waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  if (WIFSIGNALED(status)) throw CommandError(path, "damaged: the object file cannot be parsed");
}

int hook_load(Arguments& arguments) {
  bool as_json = arguments.flag("--json");
  bool check_only = arguments.flag("--check");
  loader::BuildOptions options = build_options(arguments);
  std::string path = shipped_or_file(arguments.words(2, 2)[1]);
  check_parser_survives(path, options);
  loader::BuiltObject object = loader::build_object(path, options);
  const auto& header = *reinterpret_cast<const hooks::ImageHeader*>(object.image.data());
  uint64_t id = 0;
  if (!check_only) id = Store(registry::run_directory_path()).load(object, header.name);
  if (as_json) {
    JsonWriter json;
    json.begin_object();
    json.member("id", id);
    json.member("name", header.name);
    json.key("programs");
    json.begin_array();
    for (const std::string& program : object.programs) json.value(program);
    json.end_array();
    json.end_object();
    std::puts(json.text().c_str());
    return 0;
  }
  if (check_only)
    std::printf("%s: accepted\n", header.name);
  else
    std::printf("%lu  %s\n", static_cast<unsigned long>(id), header.name);
  for (const std::string& program : object.programs) std::printf("    %s\n", program.c_str());
  return 0;
}

int hook_list(Arguments& arguments) {
  bool as_json = arguments.flag("--json");
  arguments.words(1, 1);
  std::vector<LoadedObjectView> objects = loaded_objects(Store(registry::run_directory_path()));
  if (as_json) {
    JsonWriter json;
    put_loaded_objects(json, objects);
    std::puts(json.text().c_str());
    return 0;
  }
  for (const LoadedObjectView& object : objects) {
    std::printf("%lu  %s\n", static_cast<unsigned long>(object.id), object.name.c_str());
    for (const LoadedProgramView& program : object.programs)
      std::printf("    %s: %s\n", program.name.c_str(), program.attach.c_str());
  }
  return 0;
}

int hook_unload(Arguments& arguments) {
  bool all = arguments.flag("--all");
  std::vector<std::string> words = arguments.words(all ? 1 : 2, all ? 1 : 64);
  Store store(registry::run_directory_path());
  if (all)
    for (const loader::LoadedObject& object : store.list()) store.unload(object.id);
  std::vector<uint64_t> ids;
  for (size_t i = 1; i < words.size(); i++) ids.push_back(find_object(store, words[i]));
  for (uint64_t id : ids) store.unload(id);
  return 0;
}

int hook_maps(Arguments& arguments) {
  bool as_json = arguments.flag("--json");
  auto only = arguments.value("--map");
  std::vector<std::string> words = arguments.words(1, 2);
  Store store(registry::run_directory_path());
  uint64_t wanted = words.size() > 1 ? find_object(store, words[1]) : 0;
  std::string json;
  for (const loader::LoadedObject& object : store.list()) {
    if (wanted && object.id != wanted) continue;
    MapViewPrinter printer(store, object);
    if (as_json)
      printer.append_json(json, only.value_or(""));
    else
      printer.print(only.value_or(""));
  }
  if (as_json) std::printf("[%s]\n", json.c_str());
  return 0;
}

volatile std::sig_atomic_t stopped = 0;

// Prints records until there are none, or with --follow until a signal or the object's unloading.
int hook_read(Arguments& arguments) {
  bool follow = arguments.flag("--follow", "-f");
  auto only = arguments.value("--map");
  std::string word = arguments.words(2, 2)[1];
  Store store(registry::run_directory_path());
  uint64_t id = find_object(store, word);
  for (const loader::LoadedObject& object : store.list()) {
    if (object.id != id) continue;
    MapViewPrinter printer(store, object);
    struct sigaction action {};
    action.sa_handler = [](int) { stopped = 1; };
    sigaction(SIGINT, &action, nullptr);
    sigaction(SIGTERM, &action, nullptr);
    do {
      bool any = printer.print_records(only.value_or(""));
      std::fflush(stdout);
      if (!follow || stopped || !printer.is_loaded()) break;
      timespec pause{0, any ? 1'000'000 : 20'000'000};
      nanosleep(&pause, nullptr);
    } while (!stopped);
  }
  return 0;
}

}  // namespace

int cmd_hook(Arguments& arguments) {
  struct Verb {
    const char* name;
    int (*run)(Arguments&);
  };
  constexpr Verb kVerbs[] = {{"load", hook_load},
                             {"list", hook_list},
                             {"maps", hook_maps},
                             {"read", hook_read},
                             {"unload", hook_unload}};
  std::string verb = arguments.first_word();
  for (const Verb& row : kVerbs)
    if (verb == row.name) return row.run(arguments);
  throw CommandError("hook", verb.empty() ? "say what: load, list, maps, read or unload"
                                          : "no such verb: " + verb);
}

}  // namespace bt::cli
