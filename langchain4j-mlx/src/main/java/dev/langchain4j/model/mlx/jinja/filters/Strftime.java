package dev.langchain4j.model.mlx.jinja.filters;

import dev.langchain4j.model.mlx.jinja.python.Budget;
import dev.langchain4j.model.mlx.jinja.python.TextBuilder;
import java.time.Clock;
import java.time.ZonedDateTime;
import java.time.format.TextStyle;
import java.time.temporal.ChronoField;
import java.time.temporal.IsoFields;
import java.util.Locale;

/** Python's strftime of a date without time zone, in the C locale. */
final class Strftime {

    private Strftime() {}

    static String format(String format, Clock clock) {
        ZonedDateTime now = ZonedDateTime.now(clock);
        TextBuilder out = new TextBuilder();
        Budget.current().scanSlowly(4L * format.length());
        for (int i = 0; i < format.length(); i++) {
            char c = format.charAt(i);
            if (c != '%' || i + 1 == format.length()) {
                out.append(c);
                continue;
            }
            char code = format.charAt(++i);
            if (i + 1 < format.length() && "-_0^#".indexOf(code) >= 0 && Character.isLetter(format.charAt(i + 1))) {
                out.append(flagged(code, directive(format.charAt(++i), now)));
            } else {
                out.append(directive(code, now));
            }
        }
        return out.toString();
    }

    /** The extensions of the C library: no padding, padding with spaces, upper case. */
    private static String flagged(char flag, String text) {
        return switch (flag) {
            case '-' -> text.length() > 1 ? text.replaceFirst("^[0 ]+(?=.)", "") : text;
            case '_' -> {
                int zeros = 0;
                while (zeros < text.length() - 1 && text.charAt(zeros) == '0') {
                    zeros++;
                }
                yield " ".repeat(zeros) + text.substring(zeros);
            }
            case '0' -> text.replace(' ', '0');
            default -> text.toUpperCase(Locale.ROOT);
        };
    }

    private static String directive(char code, ZonedDateTime now) {
        return switch (code) {
            case 'a' -> now.getDayOfWeek().getDisplayName(TextStyle.SHORT, Locale.ENGLISH);
            case 'A' -> now.getDayOfWeek().getDisplayName(TextStyle.FULL, Locale.ENGLISH);
            case 'b', 'h' ->
                now.getMonth().getDisplayName(TextStyle.SHORT, Locale.ENGLISH).substring(0, 3);
            case 'B' -> now.getMonth().getDisplayName(TextStyle.FULL, Locale.ENGLISH);
            case 'c' -> expand("%a %b %e %H:%M:%S %Y", now);
            case 'C' -> two(now.getYear() / 100);
            case 'd' -> two(now.getDayOfMonth());
            case 'D', 'x' -> expand("%m/%d/%y", now);
            case 'e' -> spaced(now.getDayOfMonth());
            case 'f' -> String.format("%06d", now.getNano() / 1000);
            case 'F' -> expand("%Y-%m-%d", now);
            case 'g' -> two(now.get(IsoFields.WEEK_BASED_YEAR) % 100);
            case 'G' -> Integer.toString(now.get(IsoFields.WEEK_BASED_YEAR));
            case 'H' -> two(now.getHour());
            case 'I' -> two(hour12(now));
            case 'j' -> String.format("%03d", now.getDayOfYear());
            case 'k' -> spaced(now.getHour());
            case 'l' -> spaced(hour12(now));
            case 'm' -> two(now.getMonthValue());
            case 'M' -> two(now.getMinute());
            case 'n' -> "\n";
            case 'p' -> now.getHour() < 12 ? "AM" : "PM";
            case 'P' -> now.getHour() < 12 ? "am" : "pm";
            case 'r' -> expand("%I:%M:%S %p", now);
            case 'R' -> expand("%H:%M", now);
            case 's' -> Long.toString(now.toEpochSecond());
            case 'S' -> two(now.getSecond());
            case 't' -> "\t";
            case 'T', 'X' -> expand("%H:%M:%S", now);
            case 'u' -> Integer.toString(now.getDayOfWeek().getValue());
            case 'U' -> two((now.getDayOfYear() + 6 - now.getDayOfWeek().getValue() % 7) / 7);
            case 'V' -> two(now.get(IsoFields.WEEK_OF_WEEK_BASED_YEAR));
            case 'w' -> Integer.toString(now.getDayOfWeek().getValue() % 7);
            case 'W' -> two((now.getDayOfYear() + 6 - (now.get(ChronoField.DAY_OF_WEEK) - 1)) / 7);
            case 'y' -> two(now.getYear() % 100);
            case 'Y' -> Integer.toString(now.getYear());
            case 'z', 'Z' -> "";
            case '%' -> "%";
            default -> "%" + code;
        };
    }

    private static String expand(String format, ZonedDateTime now) {
        StringBuilder out = new StringBuilder();
        for (int i = 0; i < format.length(); i++) {
            char c = format.charAt(i);
            out.append(c == '%' ? directive(format.charAt(++i), now) : String.valueOf(c));
        }
        return out.toString();
    }

    private static int hour12(ZonedDateTime now) {
        int hour = now.getHour() % 12;
        return hour == 0 ? 12 : hour;
    }

    private static String two(int number) {
        return number < 10 ? "0" + number : Integer.toString(number);
    }

    private static String spaced(int number) {
        return number < 10 ? " " + number : Integer.toString(number);
    }
}
