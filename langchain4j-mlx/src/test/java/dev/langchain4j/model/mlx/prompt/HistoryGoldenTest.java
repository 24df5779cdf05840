package dev.langchain4j.model.mlx.prompt;

import static org.assertj.core.api.Assertions.assertThat;

import dev.langchain4j.exception.LangChain4jException;
import dev.langchain4j.model.mlx.prompt.Histories.History;
import dev.langchain4j.model.mlx.testing.Goldens;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * What a chat memory hands over goes on, whatever the chat template thinks of it: every history over every template
 * that can render a plain conversation of the kinds that the history uses. The words that count stand in the prompt, in
 * order. {@code -Dgoldens=DIR} takes the histories and templates of another folder; {@code -Dtemplates=TEXT} those
 * whose name has it.
 */
class HistoryGoldenTest {
    @TempDir
    Path folder;

    @Test
    void everyHistoryGoesOn() throws IOException {
        check("golden HistoryGoldenTest", Histories.read(Goldens.folder("histories.jsonl")));
    }

    @Test
    void soDoesEveryHistoryOfOurOwn() throws IOException {
        check("histories of our own", Histories.read(Goldens.own("histories-own.jsonl")));
    }

    private void check(String title, List<History> histories) throws IOException {
        Map<String, ChatTemplate> templates = Histories.templates(folder);
        List<String> failures = new ArrayList<>();
        Map<String, Integer> leftOut = new TreeMap<>();
        int all = 0;
        for (Map.Entry<String, ChatTemplate> template : templates.entrySet()) {
            for (History history : histories) {
                if (!history.isFor(template.getValue())) {
                    leftOut.merge(history.id(), 1, Integer::sum);
                    continue;
                }
                all++;
                String failure = failure(history, template.getValue());
                if (failure != null) {
                    failures.add(template.getKey() + " / " + history.id() + ": " + failure);
                }
            }
        }
        failures.forEach(System.out::println);
        System.out.println(templates.size() + " templates; cannot render such a conversation at all: " + leftOut);
        System.out.printf("%s: %d of %d passed%n", title, all - failures.size(), all);
        assertThat(all).isPositive();
        assertThat(failures).isEmpty();
    }

    private static String failure(History history, ChatTemplate template) {
        try {
            String text = history.render(template).text();
            String missing = Histories.missing(history.words(), text);
            return missing == null ? null : missing + " is not in its place in " + text.replace("\n", "\\n");
        } catch (LangChain4jException e) {
            return "refused: " + e.getMessage();
        }
    }
}
