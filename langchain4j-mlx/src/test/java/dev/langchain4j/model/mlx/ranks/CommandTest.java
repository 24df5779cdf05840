package dev.langchain4j.model.mlx.ranks;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.langchain4j.model.mlx.ranks.Command.Kind;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

/** What travels between ranks: commands that are joined, and records of a fixed size. */
class CommandTest {

    @Test
    void theSameForNeighbouringLayersIsOneCommand() {
        Command first = Command.ofLayer(Kind.TRIM, 4, 0, 17);
        assertThat(first.with(Command.ofLayer(Kind.TRIM, 4, 1, 17)))
                .isEqualTo(new Command(Kind.TRIM, 4, 0, 2, 17, 0, 0));
        assertThat(first.with(Command.ofLayer(Kind.TRIM, 4, 2, 17))).as("a gap").isNull();
        assertThat(first.with(Command.ofLayer(Kind.TRIM, 4, 1, 18)))
                .as("elsewhere")
                .isNull();
        assertThat(first.with(Command.ofLayer(Kind.TRIM, 5, 1, 17)))
                .as("another sequence")
                .isNull();
        assertThat(first.with(Command.ofLayer(Kind.MARK, 4, 1, 17)))
                .as("something else")
                .isNull();
    }

    @Test
    void snapshotsAreJoinedWhereTheirNumbersGoOn() {
        Command slice = new Command(Kind.SLICE, 1, 0, 1, 0, 8, 30);
        assertThat(slice.with(new Command(Kind.SLICE, 1, 1, 1, 0, 8, 31))).isNotNull();
        assertThat(slice.with(new Command(Kind.SLICE, 1, 1, 1, 0, 8, 32))).isNull();
        Command drop = new Command(Kind.DROP, 30, 0, 1, 0, 0, 0);
        assertThat(drop.with(new Command(Kind.DROP, 31, 0, 1, 0, 0, 0)))
                .isEqualTo(new Command(Kind.DROP, 30, 0, 2, 0, 0, 0));
    }

    @Test
    void twoPassesAreNeverOne() {
        Command pass = Command.of(Kind.PASS, 0, 1);
        assertThat(pass.with(pass)).isNull();
        Command span = Command.of(Kind.SPAN, 3, 1);
        assertThat(span.with(span)).isNull();
    }

    @Test
    void commandsArriveAsTheyWereSent() {
        List<Command> sent = new ArrayList<>();
        for (int i = 0; i < 2 * StepRecord.COMMANDS_MAX + 1; i++) {
            sent.add(new Command(
                    Kind.values()[i % Kind.values().length], i, 2 * i, 3 * i, -i, i, Integer.MAX_VALUE - i));
        }
        List<Command> waiting = new ArrayList<>(sent);
        List<Command> received = new ArrayList<>();
        for (int number = 0; !waiting.isEmpty(); number++) {
            int[] record = StepRecord.of(number, waiting);
            int[] other = StepRecord.received();
            for (int i = 0; i < record.length; i++) {
                record[i] += other[i];
            }
            assertThat(record).hasSize(StepRecord.INTS);
            received.addAll(StepRecord.read(record, number, 2));
        }
        assertThat(received).isEqualTo(sent);
    }

    @Test
    void aRecordOfAnotherStepOrFromTooFewRanksIsRefused() {
        List<Command> waiting = new ArrayList<>(List.of(Command.of(Kind.END, 0, 0)));
        int[] record = StepRecord.of(7, waiting);
        assertThatThrownBy(() -> StepRecord.read(record, 8, 1)).hasMessageContaining("disagree");
        assertThatThrownBy(() -> StepRecord.read(record, 7, 2)).hasMessageContaining("disagree");
        assertThat(StepRecord.read(record, 7, 1)).containsExactly(Command.of(Kind.END, 0, 0));
    }
}
