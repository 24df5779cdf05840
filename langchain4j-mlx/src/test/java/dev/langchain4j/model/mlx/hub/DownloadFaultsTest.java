package dev.langchain4j.model.mlx.hub;

import static org.assertj.core.api.Assertions.assertThat;

import dev.langchain4j.exception.LangChain4jException;
import dev.langchain4j.model.mlx.hub.FakeHub.Fault;
import dev.langchain4j.model.mlx.hub.FakeHub.Fault.Kind;
import dev.langchain4j.model.mlx.hub.FakeHub.Request;
import dev.langchain4j.model.mlx.testing.Seeds;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Random;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Function;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * Downloads under random faults end with the right files or with an exception of LangChain4j that has a message, never
 * with a wrong file; and once the faults are over, what is left of them does no harm.
 */
class DownloadFaultsTest {
    private static final int RUNS = Integer.getInteger("download.faults.runs", 200);
    private static final Kind[] KINDS = {
        Kind.STATUS,
        Kind.CUT,
        Kind.CUT,
        Kind.WRONG_BYTE,
        Kind.SHORT,
        Kind.LONG,
        Kind.WHOLE,
        Kind.OTHER_RANGE,
        Kind.CHUNKED,
        Kind.NOWHERE
    };
    private static final int[] STATUSES = {404, 408, 416, 429, 500, 503};

    @TempDir
    Path folder;

    @Test
    void neverAWrongFile() throws IOException {
        long seed = Seeds.seed(DownloadFaultsTest.class);
        int failed = 0;
        try (FakeHub fake = new FakeHub()) {
            for (int run = 0; run < RUNS; run++) {
                String label = "run " + run + " of -Dseed=" + seed;
                failed += run(fake, run, seed * 1_000_003 + run, label) ? 0 : 1;
            }
        }
        assertThat(failed)
                .as("-Dseed=%d: some downloads fail, some do not", seed)
                .isBetween(1, RUNS - 1);
    }

    /** Returns whether the download under faults worked. */
    private boolean run(FakeHub fake, int run, long seed, String label) throws IOException {
        String id = "a/b" + run;
        String commit = fake.commit(id, "main", HubFixture.model(seed));
        HubSettings settings = new TestSettings(fake, folder.resolve("run" + run)).build();
        Path repository = settings.cacheFolder().resolve("models--a--b" + run);
        boolean worked = false;
        fake.faults = faults(new Random(seed));
        try {
            Path snapshot = HubFixture.hub(settings).locate(id).folder();
            HubFixture.assertContents(snapshot, HubFixture.needed(seed));
            worked = true;
        } catch (LangChain4jException e) {
            assertThat(e.getMessage()).as(label).contains(id).doesNotContain("NullPointer");
            assertThat(repository.resolve("refs/main")).as(label).doesNotExist();
        } catch (RuntimeException | AssertionError e) {
            throw new AssertionError(label, e);
        }
        HubFixture.assertBlobsAreWhole(repository);
        fake.faults = request -> Fault.NONE;
        Path snapshot = HubFixture.hub(settings).locate(id).folder();
        assertThat(snapshot.getFileName()).as(label).hasToString(commit);
        HubFixture.assertContents(snapshot, HubFixture.needed(seed));
        try (var blobs = Files.list(repository.resolve("blobs"))) {
            assertThat(blobs.filter(b -> b.getFileName().toString().contains(".")))
                    .as(label)
                    .isEmpty();
        }
        return worked;
    }

    /** Faults at a rate of up to one in two; the n-th request of a seed has the same one each time. */
    private static Function<Request, Fault> faults(Random random) {
        double rate = random.nextDouble() * 0.5;
        long seed = random.nextLong();
        AtomicInteger requests = new AtomicInteger();
        return request -> {
            Random own = new Random(seed + requests.getAndIncrement() * 7919L);
            if (own.nextDouble() >= rate) {
                return Fault.NONE;
            }
            Kind kind = KINDS[own.nextInt(KINDS.length)];
            if (request.path().startsWith("/api/") && kind != Kind.CUT && kind != Kind.SHORT) {
                kind = Kind.STATUS;
            }
            return new Fault(
                    kind, kind == Kind.STATUS ? STATUSES[own.nextInt(STATUSES.length)] : 1 + own.nextInt(2000));
        };
    }
}
