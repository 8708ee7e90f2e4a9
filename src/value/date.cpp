#include "value/date.hpp"

namespace socketio::value {

namespace {

constexpr std::int64_t kDay = 86'400'000;

std::int64_t floor_div(std::int64_t a, std::int64_t b) {
  return a / b - (a % b < 0 ? 1 : 0);
}

void digits(std::string& out, std::int64_t value, std::size_t width) {
  const std::string text = std::to_string(value);
  if (text.size() < width) out.append(width - text.size(), '0');
  out += text;
}

struct Day {
  std::int64_t year;
  std::int64_t month;
  std::int64_t day;
};

// Years begin in March here, so that a leap day is a year's last; 400 years have 146,097 days.
Day day_of(std::int64_t days) {
  days += 719'468;  // since 0000-03-01
  const std::int64_t era = floor_div(days, 146'097);
  const std::int64_t of_era = days - era * 146'097;
  const std::int64_t year = (of_era - of_era / 1'460 + of_era / 36'524 - of_era / 146'096) / 365;
  const std::int64_t of_year = of_era - (365 * year + year / 4 - year / 100);
  const std::int64_t month = (5 * of_year + 2) / 153;
  return {year + era * 400 + (month >= 10 ? 1 : 0), month < 10 ? month + 3 : month - 9,
          of_year - (153 * month + 2) / 5 + 1};
}

}  // namespace

std::string iso_date(std::int64_t milliseconds) {
  const std::int64_t days = floor_div(milliseconds, kDay);
  const std::int64_t time = milliseconds - days * kDay;
  const Day day = day_of(days);
  std::string out;
  if (day.year >= 0 && day.year <= 9999) {
    digits(out, day.year, 4);
  } else {
    out += day.year < 0 ? '-' : '+';
    digits(out, day.year < 0 ? -day.year : day.year, 6);
  }
  out += '-';
  digits(out, day.month, 2);
  out += '-';
  digits(out, day.day, 2);
  out += 'T';
  digits(out, time / 3'600'000, 2);
  out += ':';
  digits(out, time / 60'000 % 60, 2);
  out += ':';
  digits(out, time / 1'000 % 60, 2);
  out += '.';
  digits(out, time % 1'000, 3);
  out += 'Z';
  return out;
}

}  // namespace socketio::value
