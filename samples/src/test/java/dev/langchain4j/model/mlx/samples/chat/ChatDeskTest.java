package dev.langchain4j.model.mlx.samples.chat;

import static org.assertj.core.api.Assertions.assertThat;

import dev.langchain4j.model.mlx.MlxModel;
import dev.langchain4j.model.mlx.MlxStreamingChatModel;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;

/** The desk without a page. */
class ChatDeskTest {
    private static final Path DEMO = Path.of(System.getProperty("project.root")).resolve("samples/demo-model/model");

    @Test
    void aQuestionThatTheModelRefusesDoesNotBlockItsConversation() {
        Picture picture = new Picture("data:image/png;base64,", "data:image/png;base64,");
        try (MlxModel model = MlxModel.builder().modelPath(DEMO).build();
                EventStreams events = new EventStreams()) {
            ChatDesk desk = new ChatDesk(model, MlxStreamingChatModel.builder(), new ChatPageIT.Facts(), events);
            String name = desk.open();
            for (int i = 0; i < 2; i++) {
                desk.ask(name, "Hello!", List.of(picture), false);
            }
            assertThat(desk.follow().poll())
                    .contains("\"state\":\"failed\"", "image", "is not supported")
                    .doesNotContain("\"state\":\"waiting\"");
        }
    }
}
