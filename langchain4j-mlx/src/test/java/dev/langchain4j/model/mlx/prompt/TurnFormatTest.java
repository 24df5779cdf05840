package dev.langchain4j.model.mlx.prompt;

import static org.assertj.core.api.Assertions.assertThat;

import dev.langchain4j.agent.tool.ToolExecutionRequest;
import dev.langchain4j.data.message.AiMessage;
import dev.langchain4j.model.mlx.jinja.common.TextRanges;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;

class TurnFormatTest {
    private static final byte[] ANN = "ann".getBytes(StandardCharsets.UTF_8);

    private static GeneratedTurn turn(String opening) {
        AiMessage message = AiMessage.from(
                "text \ud83d\ude00",
                List.of(ToolExecutionRequest.builder()
                        .id("1")
                        .name("weather")
                        .arguments("{\"b\": [1, 2.50, null], \"a\": \"x\"}")
                        .build()));
        TurnContent content = TurnContent.of(message);
        TurnReading reading = new TurnReading(
                "text",
                "thought",
                List.of(new TurnReading.Call(
                        null, "weather", content.calls().getFirst().arguments())),
                false);
        PromptOrigin origin = new PromptOrigin(
                null,
                new Context(5, -7),
                new ExpectedTurn("ann"),
                true,
                new Piece("<s>", "before", new int[] {1, 2}, new int[] {3, 6}, TextRanges.of(new int[] {2, 4})),
                opening,
                "",
                true);
        return new GeneratedTurn(content, reading, origin, new int[] {9, 8, 7}, "rest", 2, 20);
    }

    @Test
    void aTurnThatWasReadIsTheTurnThatWasWritten() throws IOException {
        for (String opening : Arrays.asList("<assistant>", null)) {
            GeneratedTurn turn = turn(opening);
            GeneratedTurn read =
                    TurnFormat.read(TurnFormat.write(turn, ANN), name -> new String(name, StandardCharsets.UTF_8));
            assertThat(read.content).isEqualTo(turn.content);
            assertThat(read.reading).isEqualTo(turn.reading);
            assertThat(read.context).isEqualTo(turn.context);
            assertThat(read.conversation).isEqualTo("ann");
            assertThat(read.isolated).isTrue();
            assertThat(read.opening).isEqualTo(opening);
            assertThat(read.tokens).isEqualTo(turn.tokens);
            assertThat(read.rest).isEqualTo("rest");
            assertThat(read.endToken).isEqualTo(2);
            assertThat(read.bytes).isEqualTo(turn.bytes);
            assertThat(read.before.ids()).isEqualTo(turn.before.ids());
            assertThat(read.before.spelled().bounds())
                    .isEqualTo(turn.before.spelled().bounds());
            assertThat(TurnFormat.write(read, ANN)).isEqualTo(TurnFormat.write(turn, ANN));
        }
    }

    @Test
    void bytesThatAreNoTurnAreRefused() {
        byte[] bytes = TurnFormat.write(turn("x"), ANN);
        Random random = new Random(6);
        int refused = 0;
        for (int i = 0; i < 3000; i++) {
            byte[] damaged = Arrays.copyOf(bytes, i < bytes.length ? i : bytes.length);
            if (damaged.length > 0) {
                damaged[random.nextInt(damaged.length)] = (byte) random.nextInt();
            }
            try {
                TurnFormat.read(damaged, name -> "ann");
            } catch (IOException e) {
                refused++;
            }
        }
        assertThat(refused).isGreaterThan(bytes.length - 5);
    }
}
