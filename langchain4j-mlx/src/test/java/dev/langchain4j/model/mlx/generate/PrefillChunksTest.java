package dev.langchain4j.model.mlx.generate;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;

/** Where chunks of a prompt end, so that their attention scores stay below a limit. */
class PrefillChunksTest {
    private static List<Integer> ends(PrefillChunks chunks, int from, int to) {
        List<Integer> ends = new ArrayList<>();
        for (int at = from; at < to; at = ends.getLast()) {
            ends.add(Math.min(to, chunks.end(at)));
        }
        return ends;
    }

    @Test
    void chunksAreOfOneLengthWhereNoScoresAreStored() {
        assertThat(ends(PrefillChunks.of(512), 0, 1600)).containsExactly(512, 1024, 1536, 1600);
        assertThat(PrefillChunks.of(512).end(700))
                .as("from within a chunk to its end")
                .isEqualTo(1024);
        assertThat(PrefillChunks.of(100).end(1_999_999_999)).isEqualTo(2_000_000_000);
    }

    @Test
    void chunksGetShorterAsTheContextGrows() {
        // 8 bytes for each pair, and room for 1,000 tokens at 1,000 positions
        PrefillChunks chunks = new PrefillChunks(400, 8, 8_000_000);
        assertThat(ends(chunks, 0, 2000)).startsWith(400, 800, 1200, 1600, 2000);
        assertThat(ends(chunks, 2000, 4000)).as("halves up to 5,000").startsWith(2400, 2600, 2800);
        assertThat(chunks.end(19_600)).as("50 tokens at 20,000").isEqualTo(19_650);
        assertThat(chunks.end(1_000_000)).as("never below about 32 tokens").isEqualTo(1_000_031);
    }

    /** A resumed prompt is computed in the pieces of one from the start. */
    @Test
    void endsDependOnThePositionAlone() {
        long seed = new Random().nextLong();
        Random random = new Random(seed);
        for (int i = 0; i < 2000; i++) {
            int tokens = 1 + random.nextInt(3000);
            long max = 1 + random.nextInt(1 << 30);
            PrefillChunks chunks = new PrefillChunks(tokens, random.nextInt(300), max);
            int start = random.nextInt(1 << 18);
            int end = chunks.end(start);
            String what = "seed " + seed + ": " + chunks + " from " + start;
            assertThat(end).as(what).isGreaterThan(start);
            assertThat(end - start).as(what).isLessThanOrEqualTo(tokens);
            assertThat(chunks.end(start + random.nextInt(end - start))).as(what).isEqualTo(end);
            assertThat(chunks.end(end - 1)).as(what).isEqualTo(end);
            long scores = chunks.scoreBytes() * end * (end - start);
            if (end - start > 32) {
                assertThat(scores).as(what).isLessThanOrEqualTo(max);
            }
            int line = (start / tokens + 1) * tokens;
            assertThat(end).as(what + ": no chunk reaches over a multiple").isLessThanOrEqualTo(line);
        }
    }
}
