package dev.langchain4j.model.mlx;

import static org.assertj.core.api.Assertions.assertThat;

import dev.langchain4j.data.message.AiMessage;
import dev.langchain4j.data.message.ChatMessage;
import dev.langchain4j.data.message.ImageContent;
import dev.langchain4j.data.message.TextContent;
import dev.langchain4j.data.message.UserMessage;
import dev.langchain4j.mlx.LiveHandles;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/**
 * A model that was trained to read numbers from pictures reads those that training never showed, and says their colour.
 */
class SeeModelTest {
    private static final Path FOLDER = Path.of(System.getProperty("project.root"), "samples", "see-model");

    private static List<Path> pictures() throws IOException {
        try (Stream<Path> files = Files.list(FOLDER.resolve("pictures"))) {
            return files.sorted().toList();
        }
    }

    @Test
    void itReadsNumbersAndColoursFromPictures() throws Exception {
        long handles = LiveHandles.count();
        try (MlxModel mlx = MlxModel.load(FOLDER.resolve("model"))) {
            MlxChatModel chat =
                    MlxChatModel.builder().model(mlx).temperature(0.0).build();
            assertThat(pictures()).isNotEmpty();
            for (Path picture : pictures()) {
                String[] shown = picture.getFileName().toString().split("[-.]");
                List<ChatMessage> messages = new ArrayList<>();
                messages.add(
                        UserMessage.from(ImageContent.from(picture.toUri()), TextContent.from("What number is it?")));
                AiMessage number = chat.chat(messages).aiMessage();
                messages.add(number);
                messages.add(UserMessage.from("What colour is it?"));
                AiMessage colour = chat.chat(messages).aiMessage();
                assertThat(List.of(number.text().strip(), colour.text().strip()))
                        .containsExactly(shown[0], shown[1]);
            }
        }
        assertThat(LiveHandles.count()).isEqualTo(handles);
    }
}
