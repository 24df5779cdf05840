package dev.langchain4j.model.mlx;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.langchain4j.data.message.AiMessage;
import dev.langchain4j.data.message.ChatMessage;
import dev.langchain4j.data.message.SystemMessage;
import dev.langchain4j.data.message.UserMessage;
import dev.langchain4j.exception.InvalidRequestException;
import dev.langchain4j.exception.ModelNotFoundException;
import dev.langchain4j.mlx.DType;
import dev.langchain4j.mlx.Device;
import dev.langchain4j.mlx.LiveHandles;
import dev.langchain4j.mlx.MlxThread;
import dev.langchain4j.model.chat.response.ChatResponse;
import dev.langchain4j.model.mlx.cache.disk.DiskLimits;
import dev.langchain4j.model.mlx.draft.DraftCounts;
import dev.langchain4j.model.mlx.draft.DraftKind;
import dev.langchain4j.model.mlx.generate.AllDrafts;
import dev.langchain4j.model.mlx.testing.DemoModel;
import dev.langchain4j.model.mlx.testing.RandomModel;
import java.io.File;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.function.UnaryOperator;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * A draft model in the folder's API. A model that drafts for itself is always right while its own layers hold what the
 * conversation has: so the share of accepted tokens tells whether they were kept and reused as those of the model.
 */
class DraftModelTest {
    private static final List<String> QUESTIONS = List.of(
            "Hello, who are you?", "What can you do for me today?", "Tell me about the weather in Rome, please.");

    @TempDir
    private Path folder;

    private long handles;

    @BeforeEach
    void count() {
        handles = LiveHandles.count();
    }

    @AfterEach
    void nothingIsLeft() {
        assertThat(LiveHandles.count()).isEqualTo(handles);
    }

    private static MlxModel.Builder builder() {
        return MlxModel.builder().modelPath(DemoModel.folder());
    }

    private static MlxModel drafting(Path draftModel) {
        MlxModel model = builder().draftModel(draftModel).build();
        AllDrafts.of(model.engine());
        return model;
    }

    /** A round of the conversation for each question. */
    private static List<ChatResponse> talk(MlxModel model, double temperature) {
        MlxChatModel chat = MlxChatModel.builder()
                .model(model)
                .temperature(temperature)
                .seed(7L)
                .maxOutputTokens(40)
                .build();
        List<ChatMessage> messages = new ArrayList<>(List.of(SystemMessage.from("You are a helpful assistant.")));
        List<ChatResponse> responses = new ArrayList<>();
        for (String question : QUESTIONS) {
            messages.add(UserMessage.from(question));
            ChatResponse response = chat.chat(messages);
            messages.add(AiMessage.from(String.valueOf(response.aiMessage().text())));
            responses.add(response);
        }
        return responses;
    }

    private static List<String> texts(List<ChatResponse> responses) {
        return responses.stream()
                .map(response -> String.valueOf(response.aiMessage().text()))
                .toList();
    }

    private static DraftCounts drafts(ChatResponse response) {
        return usage(response).drafts().getOrDefault(DraftKind.DRAFT_MODEL, new DraftCounts(0, 0));
    }

    private static MlxTokenUsage usage(ChatResponse response) {
        return (MlxTokenUsage) response.tokenUsage();
    }

    @Test
    void aModelThatDraftsForItselfIsRightInEachRoundOfAConversation() {
        try (MlxModel plain = builder().speculation(Speculation.OFF).build();
                MlxModel drafting = drafting(DemoModel.folder())) {
            List<ChatResponse> responses = talk(drafting, 0);
            assertThat(texts(responses)).isEqualTo(texts(talk(plain, 0)));
            for (ChatResponse response : responses) {
                DraftCounts drafts = drafts(response);
                assertThat(drafts.accepted()).isPositive().isEqualTo(drafts.drafted());
            }
            assertThat(usage(responses.get(1)).cachedTokens())
                    .as("the prompt and the answer of the round before")
                    .isGreaterThanOrEqualTo(usage(responses.get(0)).totalTokenCount() - 2);
            assertThat(drafting.weightBytes()).isEqualTo(2 * plain.weightBytes());
        }
    }

    @Test
    void itDrawsWhatTheModelDrawsWhereTheAnswerIsSampled() {
        try (MlxModel plain = builder().speculation(Speculation.OFF).build();
                MlxModel drafting = drafting(DemoModel.folder())) {
            List<ChatResponse> responses = talk(drafting, 1.2);
            assertThat(texts(responses)).isEqualTo(texts(talk(plain, 1.2)));
            for (ChatResponse response : responses) {
                DraftCounts drafts = drafts(response);
                assertThat(drafts.accepted()).isPositive().isEqualTo(drafts.drafted());
            }
        }
    }

    @Test
    void oneThatIsMostlyWrongChangesNoAnswer() {
        Path other = RandomModel.write(folder.resolve("random"), "", List.of(), 3);
        try (MlxModel plain = builder().speculation(Speculation.OFF).build();
                MlxModel drafting = drafting(other)) {
            for (double temperature : new double[] {0, 0.9}) {
                drafting.promptCache().clear().join();
                List<ChatResponse> responses = talk(drafting, temperature);
                assertThat(texts(responses)).isEqualTo(texts(talk(plain, temperature)));
                assertThat(responses)
                        .allSatisfy(response -> assertThat(drafts(response).drafted())
                                .isGreaterThan(drafts(response).accepted()));
            }
        }
    }

    @Test
    void itsLayersAreKeptOnDisk() {
        List<String> texts;
        Path disk = folder.resolve("disk");
        try (MlxModel first = builder()
                .draftModel(DemoModel.folder())
                .diskCache(disk, DiskLimits.ofBytes(64 << 20))
                .build()) {
            first.warm("You are a helpful assistant.", List.of());
            texts = texts(talk(first, 0));
        }
        try (MlxModel again = builder()
                .draftModel(DemoModel.folder())
                .diskCache(disk, DiskLimits.ofBytes(64 << 20))
                .build()) {
            AllDrafts.of(again.engine());
            List<ChatResponse> responses = talk(again, 0);
            assertThat(texts(responses)).isEqualTo(texts);
            assertThat(usage(responses.getFirst()).cachedTokens()).isPositive();
            DraftCounts drafts = drafts(responses.getFirst());
            assertThat(drafts.accepted()).isPositive().isEqualTo(drafts.drafted());
        }
        try (MlxModel without =
                builder().diskCache(disk, DiskLimits.ofBytes(64 << 20)).build()) {
            assertThat(usage(talk(without, 0).getFirst()).cachedTokens())
                    .as("what has other layers")
                    .isZero();
        }
    }

    @Test
    void itIsNotLoadedWhereNothingIsSpeculated() {
        try (MlxModel plain = builder().speculation(Speculation.OFF).build();
                MlxModel off = builder()
                        .draftModel(DemoModel.folder())
                        .speculation(Speculation.OFF)
                        .build();
                MlxModel exact = builder()
                        .draftModel(DemoModel.folder())
                        .exactReuse(true)
                        .build()) {
            assertThat(off.weightBytes()).isEqualTo(plain.weightBytes());
            assertThat(exact.weightBytes()).isEqualTo(plain.weightBytes());
        }
    }

    @Test
    void anotherTokenizerIsRefused() throws Exception {
        Path other = RandomModel.write(folder.resolve("other"), "", List.of(), 3);
        File file = other.resolve("tokenizer.json").toFile();
        ObjectMapper json = new ObjectMapper();
        ObjectNode tokenizer = (ObjectNode) json.readTree(file);
        ObjectNode vocabulary = (ObjectNode) tokenizer.path("model").path("vocab");
        String name = Stream.of("a", "e")
                .filter(letter -> vocabulary.has(letter))
                .findFirst()
                .orElseThrow();
        String second = name.equals("a") ? "b" : "a";
        int id = vocabulary.get(name).asInt();
        vocabulary.put(name, vocabulary.get(second).asInt()).put(second, id);
        json.writeValue(file, tokenizer);
        assertThatThrownBy(() -> builder().draftModel(other).build())
                .isInstanceOf(InvalidRequestException.class)
                .hasMessageContaining("draftModel (" + other + ") must have the tokenizer of")
                .hasMessageContaining("is \"" + second + "\" here and \"" + name + "\" there");
    }

    @Test
    void aFolderWithoutAModelIsRefused() throws Exception {
        Path empty = Files.createDirectory(folder.resolve("empty"));
        assertThatThrownBy(() -> builder().draftModel(empty).build()).isInstanceOf(ModelNotFoundException.class);
        assertThatThrownBy(() -> builder().draftModel(folder.resolve("none")).build())
                .isInstanceOf(ModelNotFoundException.class);
    }

    @Test
    void oneWhoseWeightsCannotBeReadIsRefused() throws Exception {
        Path broken = RandomModel.write(folder.resolve("broken"), "", List.of(), 3);
        Files.write(broken.resolve("model.safetensors"), new byte[] {1, 2, 3});
        assertThatThrownBy(() -> builder().draftModel(broken).build()).isInstanceOf(InvalidRequestException.class);
    }

    @Test
    void whatIsOnDiskIsOfOneDraftModel() {
        try (MlxThread thread = MlxThread.start("identity", Device.CPU)) {
            Path other = RandomModel.write(folder.resolve("random"), "", List.of(), 3);
            List<String> identities = Stream.of(
                            "", DraftParts.HEAD, DemoModel.folder().toString(), other.toString())
                    .map(draft -> ModelSettings.cacheKey(DemoModel.folder(), null, draft, DType.FLOAT32, ""))
                    .map(key -> ModelIdentity.of(key, thread, 0))
                    .toList();
            assertThat(identities).doesNotHaveDuplicates();
        }
    }

    @Test
    void itKeepsKeysAndValuesInTheFormatOfTheModel() {
        List<UnaryOperator<MlxModel.Builder>> formats =
                List.of(builder -> builder.kvBits(8).kvGroupSize(32), builder -> builder.maxKvSize(48));
        for (UnaryOperator<MlxModel.Builder> format : formats) {
            try (MlxModel plain =
                            format.apply(builder().speculation(Speculation.OFF)).build();
                    MlxModel drafting = format.apply(builder().draftModel(DemoModel.folder()))
                            .build()) {
                AllDrafts.of(drafting.engine());
                List<ChatResponse> responses = talk(drafting, 0);
                assertThat(texts(responses)).isEqualTo(texts(talk(plain, 0)));
                for (ChatResponse response : responses) {
                    DraftCounts drafts = drafts(response);
                    assertThat(drafts.accepted()).isPositive().isGreaterThanOrEqualTo(drafts.drafted() / 2);
                }
            }
        }
    }
}
