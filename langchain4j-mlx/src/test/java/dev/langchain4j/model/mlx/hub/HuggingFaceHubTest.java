package dev.langchain4j.model.mlx.hub;

import static dev.langchain4j.model.mlx.hub.HubFixture.assertContents;
import static dev.langchain4j.model.mlx.hub.HubFixture.hub;
import static dev.langchain4j.model.mlx.hub.HubFixture.model;
import static dev.langchain4j.model.mlx.hub.HubFixture.needed;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.langchain4j.exception.AuthenticationException;
import dev.langchain4j.exception.InternalServerException;
import dev.langchain4j.exception.InvalidRequestException;
import dev.langchain4j.exception.ModelNotFoundException;
import dev.langchain4j.exception.RateLimitException;
import dev.langchain4j.exception.TimeoutException;
import dev.langchain4j.model.mlx.hub.FakeHub.Fault;
import dev.langchain4j.model.mlx.hub.FakeHub.Fault.Kind;
import dev.langchain4j.model.mlx.hub.FakeHub.Request;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class HuggingFaceHubTest {
    private static final String ID = "mlx-community/Tiny-4bit";

    @TempDir
    Path cache;

    private FakeHub fake;
    private HubSettings settings;
    private String commit;

    @BeforeEach
    void start() {
        fake = new FakeHub();
        settings = with().build();
        commit = fake.commit(ID, "main", model(1));
    }

    @AfterEach
    void stop() {
        fake.close();
    }

    private TestSettings with() {
        return new TestSettings(fake, cache);
    }

    private Path repository() {
        return cache.resolve("models--mlx-community--Tiny-4bit");
    }

    private List<Request> requestsAfter(Runnable action) {
        fake.requests.clear();
        action.run();
        return List.copyOf(fake.requests);
    }

    @Test
    void onlyWhatAModelNeedsIsDownloaded() throws IOException {
        LocatedModel located = hub(settings).locate(ID);
        assertThat(located.name()).isEqualTo(ID);
        assertThat(located.folder()).isEqualTo(repository().resolve("snapshots").resolve(commit));
        assertContents(located.folder(), needed(1));
    }

    @Test
    void theCacheLooksAsHuggingfaceHubMakesIt() throws IOException {
        Path snapshot = hub(settings).locate(ID).folder();
        assertThat(Files.readString(repository().resolve("refs/main"))).isEqualTo(commit);
        Path weights = snapshot.resolve("model-00001-of-00002.safetensors");
        String sha256 = FakeHub.sha256(needed(1).get("model-00001-of-00002.safetensors"));
        assertThat(Files.readSymbolicLink(weights)).isEqualTo(Path.of("../../blobs/" + sha256));
        Path pooling = snapshot.resolve("1_Pooling/config.json");
        assertThat(Files.readSymbolicLink(pooling))
                .isEqualTo(Path.of("../../../blobs/" + FakeHub.blobId(needed(1).get("1_Pooling/config.json"))));
        try (var blobs = Files.list(repository().resolve("blobs"))) {
            assertThat(blobs.map(b -> b.getFileName().toString()))
                    .allMatch(name -> name.matches("[0-9a-f]{40}|[0-9a-f]{64}"));
        }
    }

    @Test
    void whatIsInTheCacheIsNotFetchedAgain() throws IOException {
        Path first = hub(settings).locate(ID).folder();
        List<Request> again = requestsAfter(
                () -> assertThat(hub(settings).locate(ID).folder()).isEqualTo(first));
        assertThat(again).allMatch(r -> r.path().startsWith("/api/"));
        List<Request> pinned = requestsAfter(() -> hub(settings).locate(ID + "@" + commit));
        assertThat(pinned).as("a commit never changes").isEmpty();
        assertContents(first, needed(1));
    }

    @Test
    void aNewCommitSharesContentsAndTheOldSnapshotStays() throws IOException {
        Path old = hub(settings).locate(ID).folder();
        Map<String, byte[]> changed = model(1);
        changed.put("config.json", HubFixture.text("{\"model_type\":\"qwen3\"}"));
        String next = fake.commit(ID, "main", changed);
        List<Request> requests = requestsAfter(
                () -> assertThat(hub(settings).locate(ID).folder()).isEqualTo(old.resolveSibling(next)));
        assertThat(requests).filteredOn(r -> !r.path().startsWith("/api/")).hasSize(1);
        assertContents(old, needed(1));
    }

    @Test
    void aRevisionIsATagABranchOrACommit() throws IOException {
        String tagged = fake.commit(ID, "v1.0", model(7));
        String request = fake.commit(ID, "refs/pr/3", model(8));
        assertContents(hub(settings).locate(ID + "@v1.0").folder(), needed(7));
        assertContents(hub(settings).locate(ID + "@refs/pr/3").folder(), needed(8));
        assertContents(hub(settings).locate(ID + "@" + commit).folder(), needed(1));
        assertThat(Files.readString(repository().resolve("refs/v1.0"))).isEqualTo(tagged);
        assertThat(Files.readString(repository().resolve("refs/refs/pr/3"))).isEqualTo(request);
    }

    @Test
    void aFolderWins() throws IOException {
        Path folder = Files.createDirectories(cache.resolve("somewhere/model"));
        assertThat(hub(settings).locate(folder.toString())).isEqualTo(new LocatedModel("model", folder));
        assertThat(fake.requests).isEmpty();
    }

    @Test
    void largeFilesComeInRangesFromTheStore() {
        List<Request> requests = requestsAfter(() -> hub(settings).locate(ID));
        List<String> ranges = requests.stream()
                .filter(r -> r.host().equals(fake.storeHost()) && r.range() != null)
                .map(Request::range)
                .toList();
        assertThat(ranges).contains("bytes=0-999", "bytes=1000-1999", "bytes=4000-4320");
    }

    @Test
    void theTokenGoesToTheHubAlone() {
        fake.needsToken = true;
        hub(with().token(FakeHub.TOKEN).build()).locate(ID);
        assertThat(fake.requests).extracting(Request::host).contains(fake.storeHost());
        assertThat(fake.requests).allSatisfy(r -> assertThat(r.authorization())
                .isEqualTo(r.host().equals(fake.storeHost()) ? null : "Bearer " + FakeHub.TOKEN));
    }

    @Test
    void withoutTheRightTokenTheMessageSaysWhatHelps() {
        fake.gated = true;
        assertThatThrownBy(() -> hub(settings).locate(ID))
                .isInstanceOf(AuthenticationException.class)
                .hasMessageContaining("is gated: accept its conditions at " + fake.endpoint() + "/" + ID)
                .hasMessageContaining("set HF_TOKEN");
        assertThatThrownBy(() -> hub(with().token("hf_other").build()).locate(ID))
                .isInstanceOf(AuthenticationException.class)
                .hasMessageContaining("the current one may not")
                .hasMessageNotContaining("hf_other");
        fake.gated = false;
        fake.needsToken = true;
        assertThatThrownBy(() -> hub(settings).locate(ID))
                .isInstanceOf(ModelNotFoundException.class)
                .hasMessageContaining("if it is private, set HF_TOKEN");
    }

    @Test
    void whereNothingIsTheMessageNamesEachPlace() {
        assertThatThrownBy(() -> hub(settings).locate("nobody/nothing"))
                .isInstanceOf(ModelNotFoundException.class)
                .hasMessageContaining(
                        "there is no folder " + Path.of("nobody/nothing").toAbsolutePath())
                .hasMessageContaining("the cache has nothing in " + cache.resolve("models--nobody--nothing"))
                .hasMessageContaining("the hub has no repository nobody/nothing")
                .hasMessageContaining(fake.endpoint() + "/nobody/nothing");
        assertThatThrownBy(() -> hub(settings).locate(ID + "@v9"))
                .isInstanceOf(ModelNotFoundException.class)
                .hasMessageContaining("has no revision v9");
        assertThatThrownBy(() -> hub(settings).locate("/no/such/folder"))
                .isInstanceOf(ModelNotFoundException.class)
                .hasMessageContaining("there is no folder /no/such/folder")
                .hasMessageContaining("it is not a repository id, which is owner/name");
        assertThatThrownBy(() -> hub(with().offline().build()).locate(ID))
                .isInstanceOf(ModelNotFoundException.class)
                .hasMessageContaining("Unset HF_HUB_OFFLINE")
                .hasMessageContaining("hf download " + ID);
    }

    @Test
    void offlineTheCacheMustDo() throws IOException {
        hub(settings).locate(ID);
        List<Request> requests =
                requestsAfter(() -> hub(with().offline().build()).locate(ID));
        assertThat(requests).isEmpty();
        Files.delete(repository().resolve("snapshots").resolve(commit).resolve("model-00002-of-00002.safetensors"));
        assertThatThrownBy(() -> hub(with().offline().build()).locate(ID))
                .isInstanceOf(ModelNotFoundException.class)
                .hasMessageContaining("without model-00002-of-00002.safetensors");
    }

    @Test
    void whereTheHubDoesNotAnswerTheLastSnapshotIsUsed() throws IOException {
        Path last = hub(settings).locate(ID).folder();
        for (int status : new int[] {500, 503, 429, 401, 403}) {
            fake.faults = r -> new Fault(Kind.STATUS, status);
            List<Request> requests = requestsAfter(
                    () -> assertThat(hub(settings).locate(ID).folder()).isEqualTo(last));
            assertThat(requests).as("no waiting for what is not needed").hasSize(1);
        }
        fake.close();
        assertThat(hub(settings).locate(ID).folder()).isEqualTo(last);
    }

    @Test
    void statusesThatPassAreTriedAgain() throws IOException {
        for (int status : new int[] {408, 429, 500, 502, 503, 504}) {
            AtomicInteger left = new AtomicInteger(2);
            fake.faults = r -> left.getAndDecrement() > 0 ? new Fault(Kind.STATUS, status) : Fault.NONE;
            Path folder = hub(new TestSettings(fake, cache.resolve("status" + status)).build())
                    .locate(ID)
                    .folder();
            assertContents(folder, needed(1));
        }
    }

    @Test
    void statusesThatStayAreReported() {
        fake.faults = r -> new Fault(Kind.STATUS, 429);
        assertThatThrownBy(() -> hub(settings).locate(ID))
                .isInstanceOf(RateLimitException.class)
                .hasMessageContaining("HTTP status 429")
                .hasMessageContaining("tried 3 times");
        fake.faults = r -> r.host().equals(fake.storeHost()) ? new Fault(Kind.STATUS, 500) : Fault.NONE;
        assertThatThrownBy(() -> hub(settings).locate(ID))
                .isInstanceOf(InternalServerException.class)
                .hasMessageContaining("HTTP status 500")
                .hasMessageNotContaining("signature");
    }

    @Test
    void anExpiredAddressOfTheStoreIsAskedForAgain() throws IOException {
        AtomicInteger store = new AtomicInteger();
        fake.faults = r -> r.host().equals(fake.storeHost()) && store.getAndIncrement() == 3
                ? new Fault(Kind.STATUS, 403)
                : Fault.NONE;
        assertContents(hub(settings).locate(ID).folder(), needed(1));
    }

    @Test
    void retryAfterIsSecondsOrADate() {
        assertThat(HubHttp.retryAfter("7")).isEqualTo(Duration.ofSeconds(7));
        assertThat(HubHttp.retryAfter("Wed, 21 Oct 2015 07:28:00 GMT")).isEqualTo(Duration.ZERO);
        assertThat(HubHttp.retryAfter("soon")).isNull();
        assertThat(HubHttp.retryAfter(null)).isNull();
    }

    @Test
    void aServerThatIgnoresRangesWillDo() throws IOException {
        fake.faults = r -> new Fault(Kind.WHOLE, 0);
        List<Request> requests = requestsAfter(() -> hub(settings).locate(ID));
        assertContents(hub(settings).locate(ID).folder(), needed(1));
        assertThat(requests)
                .filteredOn(r -> r.host().equals(fake.storeHost()))
                .as("two for each of three files")
                .hasSize(6);
    }

    @Test
    void anEndThatCannotBeToldWillDo() throws IOException {
        fake.faults = r -> new Fault(Kind.CHUNKED, 0);
        assertContents(hub(settings).locate(ID).folder(), needed(1));
    }

    @Test
    void wrongBytesAreFetchedAgainAndThenReported() throws IOException {
        AtomicInteger left = new AtomicInteger(1);
        fake.faults = r -> isFirstSegment(r) && left.getAndDecrement() > 0 ? new Fault(Kind.WRONG_BYTE, 5) : Fault.NONE;
        assertContents(hub(settings).locate(ID).folder(), needed(1));
        fake.faults = r -> isFirstSegment(r) ? new Fault(Kind.WRONG_BYTE, 5) : Fault.NONE;
        HubSettings other = new TestSettings(fake, cache.resolve("other")).build();
        assertThatThrownBy(() -> hub(other).locate(ID))
                .isInstanceOf(InternalServerException.class)
                .hasMessageContaining("have the checksum")
                .hasMessageContaining("tried 3 times");
        HubFixture.assertBlobsAreWhole(cache.resolve("other/models--mlx-community--Tiny-4bit"));
        fake.faults = r -> Fault.NONE;
        assertContents(hub(other).locate(ID).folder(), needed(1));
    }

    private boolean isFirstSegment(Request r) {
        return r.host().equals(fake.storeHost()) && "bytes=0-999".equals(r.range());
    }

    @Test
    void aStoppedDownloadGoesOnWhereItWas() throws IOException {
        String first = FakeHub.sha256(needed(1).get("model-00001-of-00002.safetensors"));
        fake.faults = r -> r.path().endsWith(first) && "bytes=3000-3999".equals(r.range())
                ? new Fault(Kind.STATUS, 500)
                : Fault.NONE;
        HubSettings one = with().connections(1).attempts(1).durable().build();
        assertThatThrownBy(() -> hub(one).locate(ID)).isInstanceOf(InternalServerException.class);
        assertThat(repository().resolve("refs/main")).doesNotExist();
        fake.faults = r -> Fault.NONE;
        Set<String> missing =
                new TreeSet<>(List.of("bytes=1000-1999", "bytes=2000-2999", "bytes=3000-3999", "bytes=4000-4320"));
        // The first segment goes ahead; which of the others came before the failure is a matter of threads.
        List<String> journal = Files.readAllLines(repository().resolve("blobs").resolve(first + ".mlx.segments"));
        assertThat(journal).startsWith("4321 bytes in segments of 1000", "0").doesNotContain("3");
        journal.stream().skip(1).forEach(segment -> missing.removeIf(range -> range.startsWith("bytes=" + segment)));
        List<Request> requests = requestsAfter(() -> hub(one).locate(ID));
        assertThat(requests)
                .filteredOn(r -> r.path().endsWith(first))
                .extracting(Request::range)
                .containsExactlyInAnyOrderElementsOf(missing);
        assertContents(hub(one).locate(ID).folder(), needed(1));
    }

    @Test
    void aServerThatSaysNothingIsLeft() throws IOException {
        AtomicInteger left = new AtomicInteger(1);
        fake.faults = r -> isFirstSegment(r) && left.getAndDecrement() > 0 ? new Fault(Kind.STALL, 60_000) : Fault.NONE;
        HubSettings impatient = with().stallTimeout(Duration.ofMillis(500)).build();
        assertContents(hub(impatient).locate(ID).folder(), needed(1));
        assertThat(left.get()).isNotPositive();
    }

    @Test
    void everyRequestThatStallsEndsInTheStallTimeout() {
        List<java.util.function.Predicate<Request>> kinds = List.of(
                r -> r.path().contains("/revision/"),
                r -> r.path().contains("/tree/"),
                r -> r.path().endsWith("config.json"),
                r -> r.host().equals(fake.storeHost()));
        for (var kind : kinds) {
            for (Kind how : List.of(Kind.STALL, Kind.STALL_AFTER, Kind.SILENT)) {
                fake.faults = r -> kind.test(r) ? new Fault(how, 60_000) : Fault.NONE;
                HubSettings impatient = new TestSettings(fake, cache.resolve("stalls" + fake.requests.size()))
                        .stallTimeout(Duration.ofMillis(300))
                        .attempts(2)
                        .build();
                long begin = System.nanoTime();
                assertThatThrownBy(() -> hub(impatient).locate(ID))
                        .isInstanceOf(TimeoutException.class)
                        .hasMessageContaining("tried 2 times");
                assertThat(Duration.ofNanos(System.nanoTime() - begin)).isLessThan(Duration.ofSeconds(20));
            }
        }
    }

    @Test
    void aListingThatTricklesEnds() {
        fake.faults = r -> r.path().contains("/tree/") ? new Fault(Kind.TRICKLE, 50) : Fault.NONE;
        HubSettings impatient =
                with().stallTimeout(Duration.ofMillis(200)).attempts(1).build();
        assertThatThrownBy(() -> hub(impatient).locate(ID))
                .isInstanceOf(TimeoutException.class)
                .hasMessageContaining("and has not ended");
    }

    @Test
    void theTokenIsInNoTextThatTheServerSends() {
        fake.faults = r -> new Fault(Kind.ECHO, 400);
        HubSettings secret = with().token(FakeHub.TOKEN).build();
        assertThatThrownBy(() -> hub(secret).locate(ID))
                .isInstanceOf(InvalidRequestException.class)
                .hasMessageContaining("***")
                .hasMessageNotContaining(FakeHub.TOKEN);
        assertThat(secret.toString()).doesNotContain(FakeHub.TOKEN);
    }

    @Test
    void theDiskIsLookedAtFirst() {
        assertThatThrownBy(() -> hub(with().usableSpace(5000).build()).locate(ID))
                .isInstanceOf(InvalidRequestException.class)
                .hasMessageMatching("(?s).*needs \\d+ bytes more.*has 5000 free.*HF_HUB_CACHE.*");
        assertThat(fake.requests).noneMatch(r -> r.host().equals(fake.storeHost()));
    }

    @Test
    void namesThatLeaveTheFolderAreRefused() {
        for (String path :
                List.of("../../evil.json", "/etc/evil.json", "a/../../evil.json", "..\\\\evil.json", "C:evil.json")) {
            fake.lies.put(
                    "config.json",
                    "{\"type\":\"file\",\"oid\":\"" + "0".repeat(40) + "\",\"size\":1,\"path\":\"" + path + "\"}");
            assertThatThrownBy(() -> hub(settings).locate(ID))
                    .isInstanceOf(InvalidRequestException.class)
                    .hasMessageContaining("must be a relative path");
        }
        fake.lies.put("config.json", "{\"type\":\"file\",\"oid\":\"../../evil\",\"size\":1,\"path\":\"config.json\"}");
        assertThatThrownBy(() -> hub(settings).locate(ID))
                .isInstanceOf(InvalidRequestException.class)
                .hasMessageContaining("checksum (../../evil)");
        fake.lies.clear();
        Map<String, byte[]> files = model(1);
        files.put(NeededFiles.INDEX, HubFixture.text("{\"weight_map\":{\"a\":\"../other/model.safetensors\"}}"));
        fake.commit(ID, "main", files);
        assertThatThrownBy(() -> hub(settings).locate(ID))
                .isInstanceOf(InvalidRequestException.class)
                .hasMessageContaining("must be inside of the folder");
    }

    @Test
    void aRepositoryWithoutSafetensorsIsNoModel() {
        fake.commit("a/gguf", "main", Map.of("model.Q4.gguf", new byte[10], "config.json", new byte[2]));
        assertThatThrownBy(() -> hub(settings).locate("a/gguf"))
                .isInstanceOf(ModelNotFoundException.class)
                .hasMessageContaining("config.json, model.Q4.gguf")
                .hasMessageContaining("mlx_lm.convert --hf-path a/gguf");
    }

    @Test
    void longListingsComeInPages() throws IOException {
        fake.pageSize = 3;
        assertContents(hub(settings).locate(ID).folder(), needed(1));
    }

    @Test
    void aListenerSeesTheBytesGrowAndItsFailureChangesNothing() throws IOException {
        List<DownloadProgress> seen = Collections.synchronizedList(new ArrayList<>());
        HuggingFaceHub hub = new HuggingFaceHub(settings, progress -> {
            seen.add(progress);
            if (seen.size() == 1) {
                throw new IllegalStateException("a broken listener");
            }
        });
        assertContents(hub.locate(ID).folder(), needed(1));
        // The index of weights was fetched before, to know what there is to fetch.
        Map<String, byte[]> expected = needed(1);
        expected.remove(NeededFiles.INDEX);
        long total = expected.values().stream().mapToLong(b -> b.length).sum();
        assertThat(seen.getFirst())
                .isEqualTo(new DownloadProgress(ID, seen.getFirst().file(), 0, total, 0, expected.size()));
        assertThat(seen.getLast().done()).isTrue();
        assertThat(seen.getLast().bytesDone()).isEqualTo(total);
        assertThat(seen).extracting(DownloadProgress::bytesDone).isSorted();
    }

    @Test
    void twoThreadsDownloadOnce() throws Exception {
        CompletableFuture<Path> first =
                CompletableFuture.supplyAsync(() -> hub(settings).locate(ID).folder());
        CompletableFuture<Path> second =
                CompletableFuture.supplyAsync(() -> hub(settings).locate(ID).folder());
        assertThat(first.get()).isEqualTo(second.get());
        assertContents(first.get(), needed(1));
        assertThat(fake.requests)
                .filteredOn(r -> r.path().endsWith("/config.json") && !r.path().contains("Pooling"))
                .hasSize(1);
    }

    @Test
    void anInterruptStopsTheDownload() throws Exception {
        fake.faults = r -> isFirstSegment(r) ? new Fault(Kind.STALL, 60_000) : Fault.NONE;
        CompletableFuture<Throwable> failure = new CompletableFuture<>();
        Thread thread = Thread.ofPlatform().start(() -> {
            try {
                hub(settings).locate(ID);
                failure.complete(null);
            } catch (RuntimeException e) {
                failure.complete(e);
            }
        });
        while (fake.requests.stream().noneMatch(this::isFirstSegment)) {
            Thread.sleep(5);
        }
        thread.interrupt();
        assertThat(failure.get()).isInstanceOf(InternalServerException.class).hasMessageContaining("interrupted");
        fake.faults = r -> Fault.NONE;
        assertContents(hub(settings).locate(ID).folder(), needed(1));
    }
}
