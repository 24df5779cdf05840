package dev.langchain4j.model.mlx.jinja;

import static org.assertj.core.api.Assertions.assertThat;

import dev.langchain4j.model.mlx.jinja.common.TemplateException;
import dev.langchain4j.model.mlx.jinja.common.TemplateException.Kind;
import dev.langchain4j.model.mlx.testing.Seeds;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/** Whatever a template asks for, it ends soon and takes little; and what real templates ask for is little. */
class HostileTemplateTest {
    private static final int RANDOM_TEMPLATES = Integer.getInteger("hostile.templates", 20);
    private static final int MESSAGES = 400;

    /** A process of its own shows that memory and stack are enough: 256 MB, and 512 KB for a thread. */
    @Test
    void everyTemplateEndsWithinASecondInASmallHeap() throws Exception {
        long seed = Seeds.seed(HostileTemplateTest.class);
        Process process = new ProcessBuilder(
                        Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                        "-Xmx256m",
                        "-Xss512k",
                        "-cp",
                        System.getProperty("java.class.path"),
                        HostileTemplates.class.getName(),
                        String.valueOf(RANDOM_TEMPLATES),
                        String.valueOf(seed))
                .redirectErrorStream(true)
                .start();
        String out = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        process.waitFor();
        String as = "-Dseed=" + seed + "\n" + out;
        assertThat(out).as(as).contains("DONE " + (HostileTemplates.all().size() + RANDOM_TEMPLATES));
        assertThat(out).as(as).doesNotContain("SLOW", "RENDERED", "FAILED", "stack of this thread");
    }

    private static List<Map<String, Object>> messages(int count, int characters) {
        List<Map<String, Object>> messages = new ArrayList<>();
        for (int i = 0; i < count; i++) {
            String content = "Line %d with <tags> and 'quotes'.\n".formatted(i).repeat(characters / 32 + 1);
            messages.add(
                    Map.of("role", i % 2 == 0 ? "user" : "assistant", "content", content.substring(0, characters)));
        }
        return messages;
    }

    private static String rendered(String source, List<Map<String, Object>> messages) {
        return Template.compile(source).render(Map.of("messages", messages)).text();
    }

    /** What chat templates do to contents, many times over. */
    private static final String CAREFUL = "{% set ns = namespace(out='', last=-1) %}"
            + "{% for m in messages %}{% if m.role == 'user' %}{% set ns.last = loop.index0 %}{% endif %}{% endfor %}"
            + "{% for m in messages %}{% set content = m.content | trim %}"
            + "{% if '</think>' in content %}{% set content = content.split('</think>')[-1].lstrip('\\n') %}{% endif %}"
            + "{% set content = content | replace('<tags>', '[tags]') %}"
            + "{{ '<|im_start|>' + m.role + '\\n' + content + '<|im_end|>\\n' }}{% endfor %}";

    @Test
    void aLongConversationOfALargeTextRenders() {
        String text = rendered(CAREFUL, messages(MESSAGES, (1 << 20) / MESSAGES));
        assertThat(text.length()).isGreaterThan(1_000_000);
        assertThat(rendered(CAREFUL, messages(8, 1 << 20)).length()).isGreaterThan(8_000_000);
    }

    /** What a template refuses, such as a text where it wants parts, it may refuse; but never for its size. */
    @Test
    void everyGoldenTemplateRendersAMegabyte() throws IOException {
        String goldens = System.getProperty("goldens", "");
        Path folder = (goldens.isEmpty()
                        ? Path.of(System.getProperty("project.root"), "langchain4j-mlx/src/test/resources/goldens")
                        : Path.of(goldens))
                .resolve("templates/templates");
        List<Path> templates;
        try (Stream<Path> files = Files.list(folder)) {
            templates = files.sorted().toList();
        }
        int rendered = 0;
        for (Path template : templates) {
            try {
                rendered(Files.readString(template), messages(MESSAGES, (1 << 20) / MESSAGES));
                rendered++;
            } catch (TemplateException e) {
                assertThat(e.kind()).as(template + ": " + e.getMessage()).isNotEqualTo(Kind.LIMIT);
            }
        }
        System.out.println(
                "a megabyte in 400 messages: " + rendered + " of " + templates.size() + " templates render it");
    }

    @Test
    void aTextThatIsPutTogetherInANamespaceMayGrow() {
        String source = "{% set ns = namespace(out='') %}{% for m in messages %}"
                + "{% set ns.out = ns.out ~ m.role ~ ': ' ~ m.content %}{% endfor %}{{ ns.out }}";
        assertThat(rendered(source, messages(MESSAGES, (1 << 20) / MESSAGES)).length())
                .isGreaterThan(1_000_000);
    }

    @Test
    void whatIsAliveCountsAndWhatIsGoneDoesNot() {
        String line = "{% set y = x.replace('a', 'b') %}";
        String again = "{% for i in range(40) %}" + line + "{{ y | length }}{% endfor %}";
        String kept = "{% set ns = namespace(l=[]) %}{% for i in range(40) %}" + line
                + "{% set ns.l = ns.l + [y] %}{% endfor %}";
        String big = "{% set x = '-' * 1048575 ~ 'a' %}";
        assertThat(HostileTemplates.run(big + again).failure()).isNull();
        TemplateException failure = HostileTemplates.run(big + kept).failure();
        assertThat(failure.kind()).isEqualTo(Kind.LIMIT);
        assertThat(failure.words()).contains("size of all values");
    }
}
