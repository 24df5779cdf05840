package dev.langchain4j.model.mlx.jinja;

import dev.langchain4j.model.mlx.jinja.common.TemplateException;
import dev.langchain4j.model.mlx.jinja.common.TemplateLimits;
import java.lang.management.ManagementFactory;
import java.time.Clock;
import java.time.Instant;
import java.time.ZoneOffset;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Random;

/** Templates that want to run for ever, or take all memory, or the whole stack; and what becomes of them. */
final class HostileTemplates {
    private static final Clock CLOCK = Clock.fixed(Instant.EPOCH, ZoneOffset.UTC);

    private HostileTemplates() {}

    /** Templates of all kinds that a limit must end. */
    static List<String> all() {
        List<String> all = new ArrayList<>(STRINGS);
        all.addAll(SEARCHES);
        all.addAll(LISTS);
        all.addAll(DEPTH);
        all.addAll(NUMBERS);
        all.addAll(SOURCES);
        return all;
    }

    private static String times(int count, String body) {
        return "{% for i in range(100000) %}".repeat(count) + body + "{% endfor %}".repeat(count);
    }

    private static String big(String text, int length) {
        return "('" + text + "' * " + length / text.length() + ")";
    }

    private static final String MANY = "{% set ns = namespace(l=[], s='') %}{% for i in range(100000) %}";
    private static final String END = "{% endfor %}";

    private static final List<String> STRINGS = List.of(
            MANY + "{% set ns.l = ns.l + ['x' * 30000000] %}" + END,
            MANY + "{% set ns.s = ns.s ~ 'x' * 1000000 %}" + END,
            MANY + "{% set ns.s = ns.s ~ i %}{% set ns.l = ns.l + [ns.s * 1000] %}" + END,
            "{% set x = 'x' * 20000000 %}" + times(2, "{% set y = x | replace('y', 'z') %}"),
            "{% set x = 'x' * 20000000 %}" + times(2, "{% set y = x | replace('x', 'zz') %}"),
            "{{ 'a' * 30000000 | replace('a', 'b' * 1000000) }}",
            "{{ ('a' * 30000) | replace('', 'b' * 30000) }}",
            "{{ (['a'] * 100000) | join('b' * 100000) }}",
            "{{ ('b' * 100000).join('a' * 100000) }}",
            "{{ ('{}' * 100000).format(*(['b' * 100000] * 100000)) }}",
            "{{ ('{0}' * 1000000).format('b' * 1000000) }}",
            "{{ ('%s' * 100000) % (('b' * 100000,) * 100000) }}",
            "{{ '%(a)s' * 1000000 % {'a': 'b' * 1000000} }}",
            "{{ '{:>10000000}' * 100 }}" + "{{ ('{:>30000000}' * 100).format(*([1] * 100)) }}",
            "{{ '{:030000000,}'.format(1) }}{{ '{:=+0900000000,}'.format(1) }}",
            times(2, "{{ '%.9999f' % 1e300 }}"),
            times(2, "{{ '{:.9999f}'.format(1e300) }}"),
            "{{ ('a\\n' * 1000000) | indent(100000) }}",
            "{{ ('a\\n' * 1000000) | indent('x' * 100000) }}",
            "{{ ([1] * 100000) | tojson(indent=100000) }}",
            "{{ ([1] * 1000000) | tojson(separators=('x' * 100000, 'y')) }}",
            times(2, "{{ ('\\x01' * 100000) | tojson }}"),
            "{{ ('<' * 30000000) | e }}",
            "{{ ('\\u4e2d' * 10000000) | urlencode }}",
            "{{ ('\\u0390' * 20000000) | upper }}",
            "{{ ('ab ' * 9000000) | title }}{{ ('ab ' * 9000000).title().swapcase().capitalize() }}"
                    + times(1, "{{ ('ab ' * 900000).title() }}"),
            "{{ ('\\t' * 20000000).expandtabs(1000) }}",
            "{{ ('a ' * 3000000) | wordwrap(1, wrapstring='x' * 1000000) }}",
            times(2, "{{ 'x' | center(1000000) }}{{ 'x'.rjust(1000000) }}{{ 'x'.zfill(1000000) }}"),
            times(2, "{{ 'a' * 1000000 }}"),
            times(3, "x"),
            times(2, "{% set x %}" + "text ".repeat(10_000) + "{% endset %}"),
            times(2, "{% filter upper %}" + "text ".repeat(10_000) + "{% endfilter %}"),
            "{{ [" + big("x", 30_000_000) + (", " + big("x", 30_000_000)).repeat(200) + "] }}",
            "{{ " + big("x", 30_000_000) + (" ~ " + big("x", 30_000_000)).repeat(100) + " }}",
            "{{ dict(" + "a0=" + big("x", 30_000_000) + ", a1=" + big("x", 30_000_000) + ") }}",
            "{% macro m(a) %}{{ a ~ a }}{% endmacro %}{{ m(m(m(m(m(m('x' * 3000000)))))) }}",
            "{% set ns = namespace(s='x') %}{% macro f() %}{% set ns.s = 'x' * 30000000 ~ loop %}{% endmacro %}"
                    + "{{ [" + "ns.s, f(), ".repeat(100) + "1] | length }}",
            "{% for a in [1] %}{% set x = 'y' * 20000000 %}{% endfor %}".repeat(200)
                    + times(2, "{% set x = 'y' * 20000000 %}"));

    private static final List<String> SEARCHES = List.of(
            "{% set x = 'a' * 10000000 %}{{ x.count('a' * 5000000 ~ 'b') }}{{ ('a' * 5000000 ~ 'b') in x }}"
                    + times(1, "{{ x.find('a' * 5000000 ~ 'b') }}{{ x.rfind('b' ~ 'a' * 5000000) }}"),
            "{% set x = 'a' * 10000000 %}" + times(1, "{{ x.split('a' * 10 ~ 'b') | length }}"),
            "{% set x = 'a' * 10000000 %}" + times(1, "{{ x.rsplit('b' ~ 'a' * 100) | length }}"),
            "{% set x = 'a' * 10000000 %}" + times(1, "{{ x.partition('a' * 3000 ~ 'b') }}"),
            "{% set x = 'ab' * 1000000 %}" + times(1, "{{ x.rsplit('a') | length }}{{ x.split() | length }}"),
            "{% set x = 'a' * 10000000 %}" + times(1, "{{ x == 'a' * 9999999 ~ 'b' }}{{ x < x ~ 'b' }}"),
            "{% set x = 'a' * 10000000 %}{{ x.strip('b' * 1000000 ~ 'a') }}",
            "{% set x = '<!--' * 3000000 %}{{ x | striptags }}{{ ('<' * 9000000) | striptags }}"
                    + times(1, "{{ x | striptags }}"),
            "{{ ('<' * 5000 ~ 'a>' * 5000) | striptags }}" + times(1, "{{ ('<b>' * 1000000) | striptags }}"),
            "{{ ('1' * 1000000 ~ 'x') | float }}{{ ('1_' * 1000000 ~ 'x') | float }}{{ ('1' * 5000000) | int }}"
                    + times(1, "{{ ('1_' * 1000000 ~ 'x') | float }}"),
            "{{ ('a' * 20000000) | wordwrap(1) }}{{ ('a-' * 9000000) | wordwrap(1) }}",
            "{{ ('a' * 20000000) | wordcount }}{{ ('-' * 20000000) | title }}"
                    + times(1, "{{ ('a ' * 999999)|wordcount }}"),
            "{% set x = 'a' * 10000000 %}" + times(1, "{{ x[9999998] }}{{ x[::-1][5] }}{{ x[::2] }}"),
            "{% set x = '\\u4e2d' * 10000000 %}" + times(1, "{{ x | length }}{{ x[-9999998] }}{{ x[1:] | first }}"),
            "{% set x = 'a' * 10000000 %}" + times(1, "{{ x.isalnum() }}{{ x.islower() }}{{ x is upper }}"),
            "{% set x = ('a.' * 100000) %}{{ ([{'a': 1}] * 100000) | map(attribute=x) | list }}",
            "{% set x = ('a,' * 100000) %}{{ ([{'a': 1}] * 100000) | sort(attribute=x) }}");

    private static final List<String> LISTS = List.of(
            "{% set ns = namespace(l=[1]) %}{% for i in range(60) %}{% set ns.l = ns.l + ns.l %}{% endfor %}",
            MANY + "{% set ns.l = ns.l + [i] %}" + END,
            "{{ [[]] * 100000000 }}",
            "{% set x = [1] * 1000000 %}" + times(1, "{{ x[1:] | length }}{{ x[::2] | length }}{{ (x + x) | length }}"),
            "{% set x = range(100000) | list %}"
                    + times(
                            1,
                            "{{ x | sort | length }}{{ x | reverse | list | length }}{{ x | unique | list | length }}"),
            times(1, "{{ range(100000) | list | length }}{{ 99999.5 in range(100000) }}{{ range(100000) | sum }}"),
            times(1, "{{ range(100000) | map('string') | join }}{{ range(100000) | select('odd') | list }}"),
            times(1, "{{ range(100000) | batch(3) | list }}{{ range(100000) | slice(100000) | list }}"),
            times(1, "{{ [1] | slice(100000) | list }}{{ [1] | batch(100000, 'x') | list }}"),
            times(1, "{{ range(100000) | groupby(0) }}{{ range(100000) | min }}"),
            "{% set x = ([[1] * 1000] * 10000) %}{{ x | sum(start=[]) | length }}",
            "{{ ('a' * 30000000) | list }}{{ ('a' * 30000000) | map('upper') | list }}",
            "{{ ('a,' * 9000000).split(',') }}{{ ('a\\n' * 9000000).splitlines() }}",
            "{{ dict.fromkeys('a' * 10000000) }}{{ dict.fromkeys(range(100000)) }}",
            "{% set d = dict.fromkeys(range(20000)) %}{{ d == d.copy() }}"
                    + times(1, "{{ d == d.copy() }}{{ 1.5 in d }}"),
            "{% set d = dict.fromkeys(range(20000) | map('string')) %}" + times(1, "{{ d.copy() }}"),
            times(1, "{% set d = {'a': 1, 'b': 2} %}{{ d | items | list }}{{ d.items() | list }}{{ d | dictsort }}"),
            "{{ namespace(**dict.fromkeys('abcdefgh', 'x' * 30000000)) }}",
            "{% macro m() %}{{ varargs | length }}{{ kwargs }}{% endmacro %}" + times(1, "{{ m(*range(100000)) }}"),
            "{% for x in range(100000) %}{% for y in loop %}{% for z in range(100000) %}{% endfor %}{% endfor %}{% endfor %}",
            "{% for i in range(100000) %}{{ loop.length }}{{ loop.changed('x' * 1000000 ~ i) }}{% endfor %}",
            "{% for x in range(100000) if (range(100000) | list) %}{{ x }}{% endfor %}",
            "{% for x in range(100000) %}" + "{% if (" + "(a or b) and ".repeat(90) + "a) %}{% endif %}".repeat(20)
                    + END,
            times(1, "{{ [1, 2, 3] | pprint }}{{ (['x' * 90] * 10000) | pprint }}"),
            "{% set c = cycler(*(['x' * 3000000] * 9)) %}" + times(2, "{{ c.next() }}"));

    private static final List<String> DEPTH = List.of(
            "{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}",
            "{% macro m() %}" + "{% if true %}".repeat(90) + "{{ m() }}" + "{% endif %}".repeat(90)
                    + "{% endmacro %}{{ m() }}",
            "{% macro m(x) %}{{ " + "(".repeat(80) + "m(x)" + " ~ x)".repeat(80) + " }}{% endmacro %}{{ m(1) }}",
            "{% macro m() %}{{ caller() }}{% endmacro %}{% macro n() %}{% call m() %}{{ n() }}{% endcall %}{% endmacro %}"
                    + "{{ n() }}",
            "{% for x in [1] recursive %}{{ loop([x]) }}{% endfor %}",
            "{% set ns = namespace(x=1) %}{% set ns.x = [ns] %}{{ ns }}",
            "{% set ns = namespace(x=1) %}{% set ns.x = ns %}{{ ns }}{{ ns.x | tojson }}",
            MANY + "{% set ns.l = [ns.l] %}" + END + "{{ ns.l }}",
            MANY + "{% set ns.l = [ns.l] %}" + END + "{{ ns.l | tojson }}",
            MANY + "{% set ns.l = [ns.l] %}" + END + "{{ ns.l | pprint }}",
            "{% set ns = namespace(a=1, b=1) %}{% for i in range(90000) %}{% set ns.a = [ns.a] %}{% set ns.b = [ns.b] %}"
                    + "{% endfor %}{{ ns.a == ns.b }}",
            "{% set ns = namespace(a=1, b=1) %}{% for i in range(90000) %}{% set ns.a = {'x': ns.a} %}"
                    + "{% set ns.b = {'x': ns.b} %}{% endfor %}{{ ns.a == ns.b }}",
            "{% set ns = namespace(a=1, b=2) %}{% for i in range(90000) %}{% set ns.a = [ns.a] %}{% set ns.b = [ns.b] %}"
                    + "{% endfor %}{{ ns.a < ns.b }}",
            MANY + "{% set ns.l = (ns.l, 1) %}" + END + "{{ {ns.l: 1} }}",
            MANY + "{% set ns.l = (1, (ns.l, )) %}" + END + "{{ [ns.l] | unique | list }}",
            MANY + "{% set ns.l = [ns.l, ns.l] %}{% if i > 60 %}{% break %}{% endif %}" + END + "{{ ns.l }}",
            MANY + "{% set ns.l = [ns.l, ns.l] %}{% if i > 60 %}{% break %}{% endif %}" + END + "{{ ns.l | tojson }}",
            MANY + "{% set ns.l = [ns.l, ns.l] %}{% if i > 60 %}{% break %}{% endif %}" + END + "{{ ns.l | pprint }}",
            MANY + "{% set ns.l = (ns.l, ns.l) %}{% if i > 60 %}{% break %}{% endif %}" + END + "{{ {ns.l: 1} }}",
            "{% set ns = namespace(a=[], b=[]) %}{% for i in range(60) %}{% set ns.a = [ns.a, ns.a] %}"
                    + "{% set ns.b = [ns.b, ns.b] %}{% endfor %}{{ ns.a == ns.b }}",
            MANY + "{% set ns.l = ns.l | map('upper') %}" + END + "{{ ns.l | list }}",
            MANY + "{% set ns.l = ns.l | unique %}" + END + "{{ ns.l | list }}",
            MANY + "{% set ns.l = ns.l | batch(1) %}" + END + "{{ ns.l | first }}",
            MANY + "{% set ns.l = ns.l | select %}" + END + "{% for x in ns.l %}{% endfor %}");

    private static final List<String> NUMBERS = List.of(
            "{% set x = 'a'[-9223372036854775808] %}{% for i in range(40) %}{% for j in range(100000) %}{% set a = 1"
                    + " + 1".repeat(30) + " %}" + END + END,
            times(2, "{% set x = 9 ** 300000 %}"),
            "{% set x = 9 ** 300000 %}" + times(2, "{% set y = x * x // x %}"),
            "{% set x = 9 ** 150000 %}" + times(2, "{% set y = x * x %}"),
            "{% set x = 10 ** 300000 %}" + times(2, "{% set y = x // 7 + x % 11 %}"),
            "{% set x = 10 ** 300000 %}" + times(2, "{{ x / 3 }}"),
            "{% set x = 10 ** 300000 %}" + times(2, "{{ x > 1.5 }}{{ x == 0.5 }}"),
            "{% set x = 10 ** 300000 %}"
                    + times(2, "{{ {x: 1} == {x + 1: 1} }}{{ [x, x + 1] | unique | list | length }}"),
            "{% set x = 2 ** 1000000 %}" + times(2, "{{ '%x' % x }}{{ '{:b}'.format(x) }}"),
            "{% set x = 10 ** 300000 %}" + times(2, "{{ x | round(-300) }}{{ (x | abs) | int }}"),
            times(2, "{{ 10 ** 4000 }}"),
            times(2, "{{ 1.5 | round(9999) }}{{ 1e300 | round(9999, 'floor') }}"));

    private static final List<String> SOURCES = List.of(
            "{{ " + "(".repeat(100_000) + "1" + ")".repeat(100_000) + " }}",
            "{{ " + "[".repeat(100_000) + "]".repeat(100_000) + " }}",
            "{{ " + "not ".repeat(100_000) + "1 }}",
            "{{ " + "- ".repeat(100_000) + "1 }}",
            "{{ 1" + " + 1".repeat(100_000) + " }}",
            "{{ 1" + " and 1".repeat(100_000) + " }}",
            "{{ 1" + " ** 1".repeat(100_000) + " }}",
            "{{ x" + "|upper".repeat(100_000) + " }}",
            "{{ x" + ".a".repeat(100_000) + " }}",
            "{{ x" + "[0]".repeat(100_000) + " }}",
            "{{ x" + "()".repeat(100_000) + " }}",
            "{{ x" + " if x".repeat(100_000) + " }}",
            "{{ x" + " if x else x".repeat(100_000) + " }}",
            "{% if x %}".repeat(100_000) + "{% endif %}".repeat(100_000),
            "{% for x in y %}".repeat(1000) + "{% endfor %}".repeat(1000),
            "{% macro m() %}".repeat(1000) + "{% endmacro %}".repeat(1000),
            "{{ " + "1".repeat(1_000_000) + " }}",
            "{{ " + "1_".repeat(100_000) + "1 }}",
            "{{ 0x" + "f".repeat(1_000_000) + " }}",
            "{{ x }}".repeat(1_000_000),
            manyNames(100_000),
            "{% if a %}b{% endif %}".repeat(500_000),
            "{" + "%".repeat(10) + "x".repeat(100) + "{%- raw %}".repeat(100_000));

    private static String manyNames(int count) {
        StringBuilder names = new StringBuilder();
        for (int i = 0; i < count; i++) {
            names.append("{% if a %}{% set x").append(i).append(" = 1 %}{% endif %}");
        }
        return names.toString();
    }

    /** A template of random expressions and statements: none may run away, most grow until a limit ends them. */
    static String random(Random random) {
        StringBuilder out = new StringBuilder("{% set ns = namespace(s='a', l=[1], n=2) %}"
                + "{% set s = '\\u4e2d<b>,' %}{% set l = [3, 'x'] %}{% set n = 5 %}"
                + "{% macro m(a, b=1) %}{{ a ~ b }}{% endmacro %}");
        statements(random, out, 3);
        return out.toString();
    }

    private static void statements(Random random, StringBuilder out, int depth) {
        int count = 1 + random.nextInt(4);
        for (int i = 0; i < count; i++) {
            int kind = random.nextInt(depth > 0 ? 12 : 6);
            String body = "";
            if (kind > 5) {
                StringBuilder inner = new StringBuilder();
                statements(random, inner, depth - 1);
                body = inner.toString();
            }
            out.append(
                    switch (kind) {
                        case 0 -> "{{ " + any(random, 3) + " }}";
                        case 1 -> "{% set s = " + text(random, 3) + " %}";
                        case 2 -> "{% set ns.s = " + text(random, 3) + " %}";
                        case 3 -> "{% set ns.l = " + list(random, 3) + " %}";
                        case 4 -> "{% set l = " + list(random, 3) + " %}";
                        case 5 -> "{% set ns.n = " + number(random, 3) + " %}";
                        case 6 -> "{% if " + any(random, 2) + " %}" + body + "{% endif %}";
                        case 7 -> "{% set s %}" + body + "{% endset %}";
                        case 8 -> "{% filter upper %}" + body + "{% endfilter %}";
                        case 9 -> "{% for c in " + text(random, 2) + " %}" + body + "{% endfor %}";
                        case 10 -> "{% for c in " + list(random, 2) + " %}" + body + "{% endfor %}";
                        default -> "{% for n in range(100000) %}" + body + "{% endfor %}";
                    });
        }
    }

    private static String any(Random random, int depth) {
        return switch (random.nextInt(7)) {
            case 0 -> number(random, depth);
            case 1, 2 -> list(random, depth);
            case 3 -> "{" + text(random, depth - 1) + ": " + list(random, depth - 1) + "}";
            default -> text(random, depth);
        };
    }

    private static String text(Random random, int depth) {
        if (depth <= 0 || random.nextInt(6) == 0) {
            return pick(random, List.of("s", "ns.s", "'ab'", "' '", "'\\n\\t'", "messages[0].content"));
        }
        String text = text(random, depth - 1);
        int d = depth - 1;
        return switch (random.nextInt(17)) {
            case 0, 1 -> "(" + text + " ~ " + any(random, d) + ")";
            case 2, 3 -> "(" + text + " * " + number(random, d) + ")";
            case 4 -> "(" + text + " + " + text(random, d) + ")";
            case 5 -> "(" + text + ").replace(" + text(random, d) + ", " + text(random, d) + ")";
            case 6 -> "(" + list(random, d) + " | join(" + text(random, d) + "))";
            case 7 -> "(" + any(random, d) + " | tojson(indent=" + number(random, d) + "))";
            case 8 -> "(" + any(random, d) + " | string)";
            case 9 -> "(" + any(random, d) + " | pprint)";
            case 10 -> "(" + text + " | indent(" + number(random, d) + "))";
            case 11 -> "(" + text + " | " + pick(random, TEXT_FILTERS) + ")";
            case 12 ->
                "(" + text + ")." + pick(random, List.of("center", "ljust", "zfill")) + "(" + number(random, d) + ")";
            case 13 -> "(" + text + ")[" + number(random, d) + ":]";
            case 14 -> "m(" + any(random, d) + ", " + text + ")";
            case 15 -> "('{:>" + random.nextInt(100_000) + "}').format(" + text + ")";
            default -> "('%s%" + random.nextInt(100_000) + "s' % (" + any(random, d) + ", " + text + "))";
        };
    }

    private static final List<String> TEXT_FILTERS = List.of(
            "upper",
            "title",
            "trim",
            "escape",
            "urlencode",
            "striptags",
            "reverse",
            "wordwrap(9)",
            "truncate(99)",
            "capitalize",
            "lower",
            "safe");

    private static String list(Random random, int depth) {
        if (depth <= 0 || random.nextInt(6) == 0) {
            return pick(random, List.of("l", "ns.l", "[]", "[1, 'a']", "messages", "range(100000)|list"));
        }
        String list = list(random, depth - 1);
        int d = depth - 1;
        return switch (random.nextInt(11)) {
            case 0 -> "[" + any(random, d) + ", " + list + "]";
            case 1 -> "(" + list + " + " + list(random, d) + ")";
            case 2 -> "(" + list + " * " + number(random, d) + ")";
            case 3 -> "(" + text(random, d) + ").split(" + text(random, d) + ")";
            case 4 -> "(" + text(random, d) + " | list)";
            case 5 -> "(" + list + " | map('string') | sort | list)";
            case 6 -> "(" + list + " | map('string') | unique | list)";
            case 7 -> "(" + list + " | batch(" + number(random, d) + ", " + text(random, d) + ") | list)";
            case 8 -> "(" + list + ")[::" + pick(random, List.of("1", "-1", "2")) + "]";
            case 9 -> "(" + list + " | select('in', " + list(random, d) + ") | list)";
            default -> "(" + text(random, d) + ").splitlines()";
        };
    }

    private static String number(Random random, int depth) {
        if (depth <= 0 || random.nextInt(3) == 0) {
            return pick(random, List.of("2", "3", "7", "100", "5000", "100000", "10000000", "n", "ns.n"));
        }
        int d = depth - 1;
        return switch (random.nextInt(6)) {
            case 0 -> "(" + number(random, d) + " * " + number(random, d) + ")";
            case 1 -> "(" + number(random, d) + " ** " + number(random, d) + ")";
            case 2 -> "(" + any(random, d) + " | string | length)";
            case 3 -> "(" + list(random, d) + " | length)";
            case 4 -> "(" + text(random, d) + ").count(" + text(random, d) + ")";
            default -> "(" + number(random, d) + " // " + number(random, d) + ")";
        };
    }

    private static String pick(Random random, List<String> choices) {
        return choices.get(random.nextInt(choices.size()));
    }

    /** What became of a template: null if it rendered, and how long it took. */
    record Outcome(TemplateException failure, long cpuMillis) {}

    /** Compiles and renders. Anything but a TemplateException comes out as it is. */
    static Outcome run(String source) {
        long begin = ManagementFactory.getThreadMXBean().getCurrentThreadCpuTime();
        TemplateException failure = null;
        try {
            Template.compile(source, TemplateLimits.DEFAULT, CLOCK)
                    .render(Map.of("messages", List.of(Map.of("role", "user", "content", "hello"))));
        } catch (TemplateException e) {
            failure = e;
        }
        long nanos = ManagementFactory.getThreadMXBean().getCurrentThreadCpuTime() - begin;
        return new Outcome(failure, nanos / 1_000_000);
    }

    /** Runs all of them and a number of random ones, and prints what must not be. Arguments: the number, the seed. */
    public static void main(String[] args) {
        List<String> sources = new ArrayList<>(all());
        int listed = sources.size();
        long seed = Long.parseLong(args[1]);
        for (int n = 0; n < Integer.parseInt(args[0]); n++) {
            sources.add(random(new Random(seed * 1_000_003 + n)));
        }
        long slowest = 0;
        for (int i = 0; i < sources.size(); i++) {
            String source = sources.get(i);
            String shown = source.substring(0, Math.min(400, source.length()));
            try {
                Outcome outcome = run(source);
                slowest = Math.max(slowest, outcome.cpuMillis);
                if (outcome.cpuMillis > 1000) {
                    System.out.println("SLOW " + outcome.cpuMillis + " ms: " + shown);
                } else if (i < listed && outcome.failure == null) {
                    System.out.println("RENDERED " + shown);
                } else if (Boolean.getBoolean("print")) {
                    System.out.println(
                            outcome.cpuMillis + " ms " + (outcome.failure == null ? "" : outcome.failure.kind()) + ": "
                                    + source.substring(0, Math.min(120, source.length())));
                }
            } catch (Throwable e) {
                System.out.println("FAILED " + e + ": " + shown);
                e.printStackTrace(System.out);
            }
        }
        System.out.println("DONE " + sources.size() + " templates, the slowest took " + slowest + " ms");
    }
}
