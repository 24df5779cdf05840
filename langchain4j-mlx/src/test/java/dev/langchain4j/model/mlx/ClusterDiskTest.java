package dev.langchain4j.model.mlx;

import static org.assertj.core.api.Assertions.assertThat;

import dev.langchain4j.model.mlx.testing.DemoModel;
import dev.langchain4j.model.mlx.testing.RankProcesses;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** A model of several JVMs goes on after a restart of all of them where it was, from what rank 0 has on disk. */
@Timeout(400)
class ClusterDiskTest {
    private static final long SECONDS_MAX = 100;
    private static List<String> alone;

    @TempDir
    Path folder;

    @BeforeAll
    static void askOneProcess() throws Exception {
        try (MlxModel mlx = MlxModel.builder().modelPath(DemoModel.folder()).build()) {
            alone = ClusterDisk.answers(mlx, false);
        }
    }

    private RankProcesses start(String mode, boolean pipeline) throws IOException {
        List<List<String>> arguments = new ArrayList<>();
        for (int rank = 0; rank < 2; rank++) {
            arguments.add(List.of(
                    mode,
                    String.valueOf(pipeline),
                    DemoModel.folder().toString(),
                    folder.resolve("disk-" + rank).toString()));
        }
        return RankProcesses.start(Files.createTempDirectory(folder, "ranks"), ClusterDisk.class, arguments);
    }

    /** All ranks from start to end, which give the answers of one process; how many tokens each answer restored. */
    private List<Integer> restored(String mode, boolean pipeline) throws Exception {
        try (RankProcesses ranks = start(mode, pipeline)) {
            assertThat(ranks.ends(0, SECONDS_MAX)).as(ranks.output(0)).isTrue();
            assertThat(ranks.ends(1, SECONDS_MAX)).isTrue();
            assertThat(ranks.output(1)).contains("served");
            return restored(ranks.output(0));
        }
    }

    private static List<Integer> restored(String output) {
        assertThat(output.lines().filter(line -> line.startsWith("answer")))
                .as(output)
                .containsExactlyElementsOf(alone);
        assertThat(output).contains("disk true");
        return output.lines()
                .filter(line -> line.startsWith("of "))
                .map(line -> Integer.parseInt(line.substring(line.lastIndexOf(' ') + 1)))
                .toList();
    }

    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void whatRanksHadIsThereAfterARestartUntilItIsEvicted(boolean pipeline) throws Exception {
        List<Integer> cold = restored("ask", pipeline);
        assertThat(cold.get(0)).as("of ann's first prompt").isZero();
        assertThat(cold.get(1)).as("of ann's second prompt").isPositive();
        assertThat(cold.get(2)).as("what bob has in common with ann").isPositive();
        List<Integer> warm = restored("evict", pipeline);
        assertThat(warm.get(0)).as("of ann's first prompt").isGreaterThan(cold.get(2));
        assertThat(warm.get(1)).as("of ann's second prompt").isGreaterThan(warm.get(0));
        assertThat(warm.get(2)).as("of bob's first prompt").isGreaterThan(cold.get(2));
        assertThat(folder.resolve("disk-1")).as("files of the other rank").doesNotExist();
        List<Integer> evicted = restored("ask", pipeline);
        assertThat(evicted.get(0)).as("what ann has in common with bob").isEqualTo(cold.get(2));
        assertThat(evicted.get(2)).as("of bob's first prompt").isEqualTo(warm.get(2));
    }

    @Test
    void withoutItsKeyAConversationIsComputed() throws Exception {
        List<Integer> cold = restored("encrypted", false);
        assertThat(cold.get(0)).isZero();
        List<Integer> warm = restored("encrypted", false);
        assertThat(warm.get(0)).as("of ann's first prompt").isGreaterThan(cold.get(2));
        assertThat(warm.get(1)).as("of ann's second prompt").isGreaterThan(warm.get(0));
        List<Integer> without = restored("without a key", false);
        assertThat(without.get(0)).as("the system message").isPositive().isLessThanOrEqualTo(cold.get(2));
        assertThat(without.get(1)).as("nothing was written").isEqualTo(without.get(0));
        assertThat(restored("ask", false).getFirst()).as("without all keys").isZero();
        assertThat(folder.resolve("disk-1")).as("files of the other rank").doesNotExist();
    }

    @Test
    void aSystemMessageThatShipsIsRestoredByAllRanks() throws Exception {
        try (RankProcesses ranks = start("warm", false)) {
            assertThat(ranks.ends(0, SECONDS_MAX)).as(ranks.output(0)).isTrue();
            assertThat(ranks.output(0)).containsPattern("warmed [1-9]").doesNotContain("ENDED");
        }
        List<Integer> shipped = restored("shipped", false);
        assertThat(shipped.getFirst()).isPositive();
        assertThat(shipped).as("of each prompt").containsOnly(shipped.getFirst());
        assertThat(restored("shipped", false)).as("nothing was written").isEqualTo(shipped);
    }

    @Test
    void restoringExchangesFewerBytesThanComputingAndWriting() throws Exception {
        try (RankProcesses ranks = start("cost", false)) {
            assertThat(ranks.ends(0, SECONDS_MAX)).as(ranks.output(0)).isTrue();
            List<long[]> costs = ranks.output(0)
                    .lines()
                    .filter(line -> line.startsWith("cost"))
                    .peek(System.out::println)
                    .map(line -> Pattern.compile("\\d+")
                            .matcher(line)
                            .results()
                            .mapToLong(number -> Long.parseLong(number.group()))
                            .toArray())
                    .toList();
            assertThat(costs).hasSize(2);
            assertThat(costs.get(0)[0]).isZero();
            assertThat(costs.get(1)[0]).isGreaterThan(300);
            assertThat(costs.get(1)[1]).isLessThan(costs.get(0)[1] / 4);
        }
    }

    @Test
    void whatIsDamagedOrOfAnotherSplitIsComputed() throws Exception {
        assertThat(restored("ask", false).getFirst()).isZero();
        assertThat(restored("ask", true).getFirst()).as("a pipeline").isZero();
        try (Stream<Path> files = Files.walk(folder.resolve("disk-0"))) {
            for (Path file :
                    files.filter(each -> each.toString().endsWith(".seg")).toList()) {
                byte[] bytes = Files.readAllBytes(file);
                for (int page = 1; page < bytes.length >> 14; page++) {
                    bytes[(page << 14) + 3] ^= 1;
                }
                Files.write(file, bytes);
            }
        }
        assertThat(restored("ask", false).getFirst()).as("damaged").isZero();
        assertThat(restored("ask", false).getFirst()).as("written again").isPositive();
    }

    @ParameterizedTest
    @CsvSource({
        "write, KILL, false",
        "restore, KILL, false",
        "restore, KILL, true",
        "write, STOP, false",
        "restore, STOP, false"
    })
    void aRankThatIsLostMeanwhileEndsTheRequestAndWhatIsOnDiskIsRight(String mode, String signal, boolean pipeline)
            throws Exception {
        try (RankProcesses ranks = start(mode, pipeline)) {
            ranks.awaitOutput(0, mode.equals("write") ? "wrote 3" : "restored", SECONDS_MAX);
            Process lost = ranks.process(1);
            signal(lost, signal);
            ranks.awaitOutput(0, "opening again", SECONDS_MAX);
            assertThat(ranks.output(0)).contains("FAILED RankLostException").contains("rank 1");
            if (signal.equals("STOP")) {
                signal(lost, "CONT");
                assertThat(ranks.ends(1, SECONDS_MAX)).as("rank 1 ended").isTrue();
            }
            ranks.restart(1);
            assertThat(ranks.ends(0, SECONDS_MAX)).as(ranks.output(0)).isTrue();
            assertThat(restored(ranks.output(0)).getFirst()).isZero();
            assertThat(ranks.output(0)).contains("misses {}").containsPattern("kept [1-9]");
            assertThat(ranks.ends(1, SECONDS_MAX)).isTrue();
        }
        assertThat(restored("ask", pipeline).getFirst()).isPositive();
    }

    private static void signal(Process process, String name) throws Exception {
        assertThat(new ProcessBuilder("kill", "-" + name, String.valueOf(process.pid()))
                        .start()
                        .waitFor())
                .isZero();
    }
}
