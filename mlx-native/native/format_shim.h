// Gives std::format to standard libraries without <format> (GCC before 13). mlx-c uses it for plain "{}" fields only.
#pragma once
#if __has_include(<version>)
#include <version>
#endif
#if defined(__cpp_lib_format)
#include <format>
#else
#include <sstream>
#include <string>
#include <string_view>

namespace std {
inline void format_rest(ostringstream& out, string_view text) {
  out << text;
}

template <typename First, typename... Rest>
void format_rest(ostringstream& out, string_view text, const First& first, const Rest&... rest) {
  const auto field = text.find("{}");
  out << text.substr(0, field);
  if (field != string_view::npos) {
    out << first;
    format_rest(out, text.substr(field + 2), rest...);
  }
}

template <typename... Args>
string format(string_view text, const Args&... args) {
  ostringstream out;
  format_rest(out, text, args...);
  return out.str();
}
} // namespace std
#endif
