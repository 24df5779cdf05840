package dev.langchain4j.model.mlx;

import static org.assertj.core.api.Assertions.assertThat;

import dev.langchain4j.agent.tool.ToolSpecification;
import dev.langchain4j.data.message.SystemMessage;
import dev.langchain4j.data.message.UserMessage;
import dev.langchain4j.mlx.LiveHandles;
import dev.langchain4j.model.chat.request.ChatRequest;
import dev.langchain4j.model.chat.request.json.JsonObjectSchema;
import dev.langchain4j.model.chat.response.ChatResponse;
import dev.langchain4j.model.mlx.cache.disk.DiskLimits;
import dev.langchain4j.model.mlx.cache.disk.DiskStats;
import dev.langchain4j.model.mlx.testing.DemoModel;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Prefixes that were computed when an application was built, in a folder that nobody may write to. */
class ShippedPrefixesTest {
    private static final String SYSTEM = "You are a travel assistant who knows the weather of all cities of the world.";
    private static final List<ToolSpecification> TOOLS = List.of(ToolSpecification.builder()
            .name("weather")
            .description("Weather of a city")
            .parameters(JsonObjectSchema.builder().addStringProperty("city").build())
            .build());

    private final long handles = LiveHandles.count();

    @TempDir
    Path temp;

    private Path shipped;
    private int warmed;

    @BeforeEach
    void build() throws IOException {
        shipped = temp.resolve("shipped");
        try (MlxModel build = MlxModel.builder()
                .modelPath(DemoModel.folder())
                .diskCache(shipped, DiskLimits.ofBytes(1L << 28))
                .build()) {
            warmed = build.warm(SYSTEM, TOOLS);
        }
        permit("r-xr-xr-x", "r--r--r--");
    }

    private void permit(String folders, String files) throws IOException {
        try (Stream<Path> all = Files.walk(shipped)) {
            for (Path path : all.toList()) {
                Files.setPosixFilePermissions(
                        path, PosixFilePermissions.fromString(Files.isDirectory(path) ? folders : files));
            }
        }
    }

    @AfterEach
    void nothingLeaks() throws IOException {
        permit("rwxr-xr-x", "rw-r--r--");
        assertThat(LiveHandles.count()).isEqualTo(handles);
    }

    private static MlxModel.Builder builder() {
        return MlxModel.builder().modelPath(DemoModel.folder());
    }

    private static ChatResponse chat(MlxModel model, String id) {
        return MlxChatModel.builder()
                .model(model)
                .build()
                .chat(ChatRequest.builder()
                        .messages(SystemMessage.from(SYSTEM), UserMessage.from("Hello! What is the weather in Oslo?"))
                        .parameters(MlxChatRequestParameters.builder()
                                .memoryId(id)
                                .temperature(0.0)
                                .maxOutputTokens(10)
                                .toolSpecifications(TOOLS)
                                .build())
                        .build());
    }

    private Map<Path, FileTime> files() throws IOException {
        Map<Path, FileTime> times = new TreeMap<>();
        try (Stream<Path> files = Files.walk(shipped)) {
            for (Path file : files.toList()) {
                times.put(file, Files.getLastModifiedTime(file));
            }
        }
        return times;
    }

    @Test
    void theFirstPromptOfAFreshModelStartsCached() throws IOException {
        Map<Path, FileTime> before = files();
        String expected;
        try (MlxModel cold = builder().build()) {
            expected = chat(cold, "ann").aiMessage().toString();
            assertThat(cold.promptCache().sharedPrefixStats()).isEqualTo(DiskStats.NONE);
        }
        try (MlxModel model = builder().sharedPrefixes(shipped).build();
                MlxModel beside = builder().sharedPrefixes(shipped).build()) {
            ChatResponse response = chat(model, "ann");
            MlxChatResponseMetadata metadata = (MlxChatResponseMetadata) response.metadata();
            assertThat(metadata.sharedPrefixTokens()).isGreaterThan(30).isLessThanOrEqualTo(warmed);
            assertThat(metadata.restoredTokens()).isEqualTo(metadata.sharedPrefixTokens());
            assertThat(metadata.resumePosition()).isEqualTo(metadata.sharedPrefixTokens());
            assertThat(metadata.toString())
                    .contains("restored " + metadata.restoredTokens() + " tokens from shared prefixes in ");
            assertThat(response.aiMessage().toString()).isEqualTo(expected);
            DiskStats stats = model.promptCache().sharedPrefixStats();
            assertThat(stats.on()).isTrue();
            assertThat(stats.hits()).isEqualTo(1);
            assertThat(stats.tokensRestored())
                    .isEqualTo(metadata.sharedPrefixTokens().longValue());
            assertThat(model.promptCache().diskStats().on()).isFalse();
            assertThat(((MlxChatResponseMetadata) chat(beside, null).metadata()).sharedPrefixTokens())
                    .as("another model at the same time")
                    .isEqualTo(metadata.sharedPrefixTokens());
        }
        assertThat(files()).isEqualTo(before);
    }

    @Test
    void whatConversationsAddGoesToTheDiskCacheBesideIt() {
        Path folder = temp.resolve("folder");
        DiskLimits limits = DiskLimits.ofBytes(1L << 28);
        int first;
        try (MlxModel model =
                builder().sharedPrefixes(shipped).diskCache(folder, limits).build()) {
            first = ((MlxChatResponseMetadata) chat(model, "ann").metadata()).sharedPrefixTokens();
        }
        try (MlxModel model =
                builder().sharedPrefixes(shipped).diskCache(folder, limits).build()) {
            MlxChatResponseMetadata metadata =
                    (MlxChatResponseMetadata) chat(model, "ann").metadata();
            assertThat(metadata.restoredTokens()).as("the whole prompt").isGreaterThan(first);
            assertThat(metadata.sharedPrefixTokens()).isZero();
            assertThat(metadata.toString()).contains("tokens from disk in ");
        }
    }

    @Test
    void prefixesOfAnotherTypeAreLeftAloneAndSayWhy() throws IOException {
        Map<Path, FileTime> before = files();
        try (MlxModel other =
                builder().kvBits(8).kvGroupSize(32).sharedPrefixes(shipped).build()) {
            assertThat(((MlxChatResponseMetadata) chat(other, "ann").metadata()).restoredTokens())
                    .isZero();
            assertThat(other.promptCache().sharedPrefixStats().on()).isFalse();
            assertThat(other.promptCache().sharedPrefixStats().reason()).contains("KV format");
        }
        try (MlxModel none = builder().sharedPrefixes(temp.resolve("missing")).build()) {
            chat(none, "ann");
            assertThat(none.promptCache().sharedPrefixStats().reason()).contains("is not a folder");
        }
        assertThat(files()).isEqualTo(before);
    }
}
