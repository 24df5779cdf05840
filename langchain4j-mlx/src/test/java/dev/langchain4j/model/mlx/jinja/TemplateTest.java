package dev.langchain4j.model.mlx.jinja;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import dev.langchain4j.model.mlx.jinja.common.RenderResult;
import dev.langchain4j.model.mlx.jinja.common.RenderResult.Span;
import dev.langchain4j.model.mlx.jinja.common.TemplateException;
import dev.langchain4j.model.mlx.jinja.common.TemplateException.Kind;
import dev.langchain4j.model.mlx.jinja.common.TemplateLimits;
import java.time.Clock;
import java.time.ZoneId;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class TemplateTest {

    private static final Clock CLOCK = Clock.system(ZoneId.of("UTC"));

    private static String render(String source, Map<String, ?> context) {
        return Template.compile(source).render(context).text();
    }

    private static TemplateException failure(String source, Map<String, ?> context) {
        return catchThrowableOfType(
                TemplateException.class, () -> Template.compile(source).render(context));
    }

    private static TemplateException limited(TemplateLimits limits, String source) {
        return catchThrowableOfType(TemplateException.class, () -> Template.compile(source, limits, CLOCK)
                .render(Map.of()));
    }

    @Test
    void syntaxErrorsNameLineAndColumn() {
        TemplateException failure = failure("line one\n  {{ 1 + }}", Map.of());

        assertThat(failure.kind()).isEqualTo(Kind.SYNTAX);
        assertThat(failure.line()).isEqualTo(2);
        assertThat(failure.column()).isEqualTo(10);
        assertThat(failure).hasMessageContaining("line 2, column 10");
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            quoteCharacter = '`',
            value = {
                "'abc'[LEAST] is defined | False",
                "'abc'[LEAST:] | abc",
                "[1, 2][LEAST] is defined | False",
                "'abc'.center(LEAST) | abc",
                "'abc'.ljust(LEAST) ~ 'abc'.rjust(LEAST) | abcabc",
                "'-12'.zfill(LEAST) | -12",
                "-(LEAST) | 9223372036854775808",
                "LEAST // -1 | 9223372036854775808"
            })
    void theLeastNumberOfALongIsANumberAsAllOthers(String expression, String expected) {
        assertThat(render("{{ " + expression.replace("LEAST", "-9223372036854775808") + " }}", Map.of()))
                .isEqualTo(expected);
    }

    @Test
    void errorsWhileRenderingNameTheExpression() {
        TemplateException failure = failure("a\n{% if x %}\n{{ 'ok' }}{{ x + 'y' }}\n{% endif %}", Map.of("x", 1));

        assertThat(failure.kind()).isEqualTo(Kind.TYPE);
        assertThat(failure.words()).isEqualTo("unsupported operand type(s) for +: 'int' and 'str'");
        assertThat(failure.line()).isEqualTo(3);
        assertThat(failure.column()).isEqualTo(16);
    }

    @Test
    void raisedWordsComeUnaltered() {
        TemplateException failure = failure("\n{{ raise_exception('Roles must \"alternate\".') }}", Map.of());

        assertThat(failure.kind()).isEqualTo(Kind.RAISED);
        assertThat(failure).hasMessage("Roles must \"alternate\".");
        assertThat(failure.line()).isEqualTo(2);
    }

    @Test
    void undefinedNamesFailWithTheirName() {
        TemplateException failure = failure("{{ tools.first.name }}", Map.of());

        assertThat(failure.kind()).isEqualTo(Kind.UNDEFINED);
        assertThat(failure.words()).isEqualTo("'tools' is undefined");
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "append(1)",
                "clear()",
                "extend([1])",
                "insert(0, 1)",
                "pop()",
                "remove(1)",
                "reverse()",
                "sort()"
            })
    void listsCannotBeChanged(String call) {
        List<Integer> list = new ArrayList<>(List.of(2, 1));

        TemplateException failure = failure("{{ list." + call + " }}", Map.of("list", list));

        assertThat(failure.kind()).isEqualTo(Kind.SECURITY);
        assertThat(list).containsExactly(2, 1);
    }

    @ParameterizedTest
    @ValueSource(
            strings = {"{{ m.update({'a': 2}) }}", "{{ m.pop('a') }}", "{% set m.a = 2 %}", "{% set m.a %}2{% endset %}"
            })
    void mapsCannotBeChanged(String source) {
        Map<String, Object> map = new HashMap<>(Map.of("a", 1));

        assertThat(failure(source, Map.of("m", map))).isNotNull();
        assertThat(map).isEqualTo(Map.of("a", 1));
    }

    @Test
    void takesTheValuesOfPlainJava() {
        Map<String, Object> context = new LinkedHashMap<>();
        context.put("values", Arrays.asList(1, (short) 2, 3L, 1.5f, 2.5, true, null, 'c', "s"));

        assertThat(render("{{ values }}", context)).isEqualTo("[1, 2, 3, 1.5, 2.5, True, None, 'c', 's']");
    }

    @Test
    void refusesObjectsOfOtherClasses() {
        assertThatThrownBy(() -> render("{{ x }}", Map.of("x", new StringBuilder("text"))))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("x is of class java.lang.StringBuilder");
    }

    @Test
    void refusesInputsThatContainThemselves() {
        List<Object> list = new ArrayList<>();
        list.add(list);

        assertThatThrownBy(() -> render("{{ x }}", Map.of("x", list)))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("nested");
    }

    @Test
    void outputIsLimited() {
        TemplateLimits limits = new TemplateLimits(1000, 1_000_000, 10);

        TemplateException failure = limited(limits, "{% for i in range(1000) %}twelve chars{% endfor %}");

        assertThat(failure.kind()).isEqualTo(Kind.LIMIT);
        assertThat(failure.words()).isEqualTo("the length of the output is limited to 1000");
    }

    @Test
    void iterationsAreLimitedOverNestedLoops() {
        TemplateLimits limits = new TemplateLimits(1000, 500, 10);

        TemplateException failure =
                limited(limits, "{% for i in range(100) %}{% for j in range(100) %}{% endfor %}{% endfor %}");

        assertThat(failure.kind()).isEqualTo(Kind.LIMIT);
        assertThat(failure.words()).isEqualTo("the number of loop iterations is limited to 500");
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}",
                "{% for x in [1] recursive %}{{ loop([1]) }}{% endfor %}"
            })
    void recursionIsLimited(String source) {
        TemplateException failure = limited(new TemplateLimits(1000, 100_000, 30), source);

        assertThat(failure.kind()).isEqualTo(Kind.LIMIT);
        assertThat(failure.words()).isEqualTo("the depth of recursion is limited to 30");
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "{{ 'ab' * 9999999999 }}",
                "{{ [1] * 9999999999 }}",
                "{{ 9 ** 99999999 }}",
                "{{ 'x'.ljust(9999999999) }}",
                "{{ '%9999999999d' % 1 }}",
                "{{ '{:9999999999}'.format(1) }}",
                "{{ [1] | tojson(indent=9999999999) }}",
                "{{ 'a\\nb' | indent(9999999999) }}",
                "{{ range(9999999999) }}",
                "{% set n = namespace(s='x' * 1000) %}{% for i in range(60) %}{% set n.s = n.s + n.s %}{% endfor %}",
                "{% set ns = namespace(l=[1]) %}{% for i in range(60) %}{% set ns.l = ns.l + ns.l %}{% endfor %}"
            })
    void noValueGrowsWithoutBounds(String source) {
        assertThat(failure(source, Map.of())).isNotNull();
    }

    @Test
    void deepNestingFailsCleanly() {
        String source = "{{ " + "(".repeat(100_000) + "1" + ")".repeat(100_000) + " }}";

        assertThat(failure(source, Map.of()).kind()).isEqualTo(Kind.SYNTAX);
    }

    @Test
    void limitsBelowOneAreRefused() {
        assertThatThrownBy(() -> new TemplateLimits(0, 1, 1))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessage("outputCharsMax (0) must be at least 1");
    }

    private static final List<Map<String, String>> MESSAGES = List.of(
            Map.of("role", "system", "content", "S"),
            Map.of("role", "user", "content", "hello"),
            Map.of("role", "assistant", "content", ""));

    private static RenderResult traced(String source) {
        return Template.compile(source).render(Map.of("messages", MESSAGES), MESSAGES);
    }

    @Test
    void spansTellWhichMessageWroteWhat() {
        RenderResult result =
                traced("<s>{% for m in messages %}[{{ m.role }}]{{ m.content }}{% endfor %}{{ '[assistant]' }}");

        assertThat(result.text()).isEqualTo("<s>[system]S[user]hello[assistant][assistant]");
        assertThat(result.spans()).containsExactly(new Span(0, 3, 12), new Span(1, 12, 23), new Span(2, 23, 34));
    }

    @Test
    void spansFollowSlicesAndFiltersAndSkipWhatWritesNothing() {
        RenderResult result = traced("{% for m in messages %}{% set x = m.role %}{% endfor %}"
                + "{% for m in messages[1:] if m.content %}{{ m.content }}{% endfor %}");

        assertThat(result.text()).isEqualTo("hello");
        assertThat(result.spans()).containsExactly(new Span(1, 0, 5));
    }

    @Test
    void spansFollowLoopsOverIndexes() {
        RenderResult result =
                traced("{% for i in range(messages | length) %}{% set m = messages[i] %}{{ m.role }};{% endfor %}");

        assertThat(result.spans()).containsExactly(new Span(0, 0, 7), new Span(1, 7, 12), new Span(2, 12, 22));
    }

    @Test
    void spansOfBrokenOffIterationsEndWhereTheyWereLeft() {
        RenderResult result = traced("{% for m in messages %}{{ m.role }}{% break %}never{% endfor %}!");

        assertThat(result.spans()).containsExactly(new Span(0, 0, 6));
    }

    @Test
    void capturedOutputHasNoSpans() {
        RenderResult result = traced("{% set t %}{% for m in messages %}{{ m.role }}{% endfor %}{% endset %}{{ t }}");

        assertThat(result.text()).isEqualTo("systemuserassistant");
        assertThat(result.spans()).isEmpty();
    }

    @Test
    void listsThatOnlyEqualTheTracedOneAreNotTraced() {
        List<Map<String, String>> copy = List.of(Map.of("role", "user"));
        RenderResult result = Template.compile("{% for m in messages %}{{ m.role }}{% endfor %}")
                .render(Map.of("messages", copy), List.of(Map.of("role", "user")));

        assertThat(result.spans()).isEmpty();
    }

    @Test
    void oneTemplateRendersOnManyThreads() throws Exception {
        Template template = Template.compile("{% macro m(x) %}{{ x }}{% endmacro %}"
                + "{% for i in range(n) %}{% set y = i * n %}{{ m(y) }},{% endfor %}");
        List<Callable<String>> tasks = new ArrayList<>();
        for (int i = 0; i < 200; i++) {
            int n = i % 20;
            tasks.add(() -> template.render(Collections.singletonMap("n", n)).text());
        }
        try (ExecutorService threads = Executors.newFixedThreadPool(4)) {
            List<Future<String>> results = threads.invokeAll(tasks);
            for (int i = 0; i < results.size(); i++) {
                StringBuilder expected = new StringBuilder();
                for (int k = 0; k < i % 20; k++) {
                    expected.append(k * (i % 20)).append(',');
                }
                assertThat(results.get(i).get()).isEqualTo(expected.toString());
            }
        }
    }
}
