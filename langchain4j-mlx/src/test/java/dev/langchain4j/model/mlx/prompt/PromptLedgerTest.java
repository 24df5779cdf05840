package dev.langchain4j.model.mlx.prompt;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import dev.langchain4j.agent.tool.ToolExecutionRequest;
import dev.langchain4j.data.message.AiMessage;
import dev.langchain4j.data.message.ChatMessage;
import dev.langchain4j.data.message.SystemMessage;
import dev.langchain4j.data.message.UserMessage;
import dev.langchain4j.mlx.text.Tokenizer;
import dev.langchain4j.model.mlx.cache.ConversationKey;
import dev.langchain4j.model.mlx.cache.Isolation;
import dev.langchain4j.model.mlx.calls.OutputFormat;
import dev.langchain4j.model.mlx.parse.ToolSchemas;
import dev.langchain4j.model.mlx.testing.DemoModel;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/** What the ledger recognises, over the demo model's template and tokenizer. */
class PromptLedgerTest {
    private static final int END = 1;
    private static final ChatMessage QUESTION = UserMessage.from("What is new in Lisbon?");

    private static Tokenizer tokenizer;
    private static ChatTemplate template;

    private PromptLedger ledger = new PromptLedger();

    private record Service(String name, Object id) implements ConversationKey {}

    @BeforeAll
    static void open() {
        tokenizer = Tokenizer.fromFile(DemoModel.folder().resolve("tokenizer.json"));
        template = ChatTemplate.load(DemoModel.folder());
    }

    @AfterAll
    static void close() {
        tokenizer.close();
    }

    private PromptWriter writer() {
        return new PromptWriter(template, tokenizer, Set.of(END), ledger);
    }

    private Prompt write(Object conversation, Isolation isolation, ChatMessage... messages) {
        OutputFormat format = OutputFormat.detect(template.source(false), ToolSchemas.none());
        return writer().write(new PromptRequest(List.of(messages), List.of(), null, format, conversation, isolation));
    }

    private Prompt write(ChatMessage... messages) {
        return write("ann", Isolation.SHARED, messages);
    }

    /** One token a character, as no tokenizer would have it. */
    private static int[] spelled(String text) {
        return text.codePoints()
                .mapToObj(Character::toString)
                .flatMapToInt(character -> Arrays.stream(tokenizer.encode(character, false)))
                .toArray();
    }

    private static int[] join(int[] first, int... second) {
        return IntStream.concat(Arrays.stream(first), Arrays.stream(second)).toArray();
    }

    /** Generates an answer to a question, which ends by itself, and returns all tokens that the model has seen. */
    private int[] answer(String text, Object conversation, Isolation isolation, ChatMessage... messages) {
        Prompt prompt = write(conversation, isolation, messages);
        int[] generated = join(spelled(text), END);
        writer().remember(prompt, AiMessage.from(text), text, generated, false);
        return join(prompt.tokens(), generated);
    }

    private static void assertBegins(Prompt prompt, int[] seen) {
        assertThat(Arrays.copyOf(prompt.tokens(), seen.length)).isEqualTo(seen);
    }

    private static void assertPlain(Prompt prompt) {
        assertThat(prompt.tokens()).isEqualTo(tokenizer.encode(prompt.text(), false));
    }

    @Test
    void anAnswerGoesBackWithTheTokensThatWereGenerated() {
        int[] seen = answer("Nothing new.", "ann", Isolation.SHARED, QUESTION);
        Prompt next = write(QUESTION, AiMessage.from("Nothing new."), UserMessage.from("Sure?"));
        assertBegins(next, seen);
        assertThat(tokenizer.decode(next.tokens(), false)).isEqualTo(next.text());
        assertThat(next.messages())
                .extracting(Prompt.MessageTokens::source)
                .containsExactly(Prompt.Source.RENDERED, Prompt.Source.GENERATED, Prompt.Source.RENDERED);
        Prompt.MessageTokens answer = next.messages().get(1);
        assertThat(seen.length - 2).isBetween(answer.start(), answer.end());
    }

    @Test
    void whatTheModelDidNotSayIsTokenizedAnew() {
        answer("Nothing new.", "ann", Isolation.SHARED, QUESTION);
        assertPlain(write(QUESTION, AiMessage.from("Nothing at all."), UserMessage.from("Sure?")));
        assertPlain(write(QUESTION, AiMessage.from("Nothing new"), UserMessage.from("Sure?")));
    }

    @Test
    void withoutAMemoryIdTheMessagesDecide() {
        int[] seen = answer("Nothing new.", null, Isolation.SHARED, QUESTION);
        ChatMessage[] messages = {QUESTION, AiMessage.from("Nothing new."), UserMessage.from("Sure?")};
        assertBegins(write(null, Isolation.SHARED, messages), seen);
        assertBegins(write("bob", Isolation.SHARED, messages), seen);
    }

    @Test
    void anIsolatedConversationIsRecognisedByItselfAndItsForksOnly() {
        int[] seen = answer("Nothing new.", "ann", Isolation.PER_MEMORY_ID, QUESTION);
        ChatMessage[] messages = {QUESTION, AiMessage.from("Nothing new."), UserMessage.from("Sure?")};
        assertBegins(write("ann", Isolation.PER_MEMORY_ID, messages), seen);
        assertPlain(write("bob", Isolation.PER_MEMORY_ID, messages));
        assertPlain(write("bob", Isolation.SHARED, messages));
        assertPlain(write(null, Isolation.PER_MEMORY_ID, messages));
        ledger.forked("ann", "ann's helper");
        assertBegins(write("ann's helper", Isolation.PER_MEMORY_ID, messages), seen);
        ledger.forked("ann's helper", "ann");
        assertPlain(write("carl", Isolation.PER_MEMORY_ID, messages));
    }

    @Test
    void anIsolatedConversationDoesNotUseWhatOthersShare() {
        answer("Nothing new.", "ann", Isolation.SHARED, QUESTION);
        assertPlain(write(
                "bob", Isolation.PER_MEMORY_ID, QUESTION, AiMessage.from("Nothing new."), UserMessage.from("Sure?")));
    }

    @Test
    void anEvictedConversationIsForgottenByTheIdThatTheApplicationKnows() {
        Service ann = new Service("Desk", "ann");
        answer("Nothing new.", ann, Isolation.SHARED, QUESTION);
        answer("Nothing new.", "bob", Isolation.SHARED, UserMessage.from("And you?"));
        assertThat(ledger.turns()).isEqualTo(2);
        ledger.evicted(id -> ConversationKey.means("ann", id));
        assertThat(ledger.turns()).isEqualTo(1);
        ledger.evicted("bob"::equals);
        assertThat(ledger.turns()).isZero();
        assertThat(ledger.bytes()).isZero();
    }

    @Test
    void afterTheWindowMovedOnCallsAreRecognisedByTheirIds() {
        Prompt prompt = write(SystemMessage.from("Be brief."), QUESTION);
        ToolExecutionRequest call = ToolExecutionRequest.builder()
                .id("aB3dE6gH9")
                .name("news")
                .arguments("{\"city\":\"Lisbon\"}")
                .build();
        OutputFormat format = OutputFormat.detect(
                template.source(true), ToolSchemas.of(Map.of("news", JsonNodeFactory.instance.objectNode())));
        String odd = "<tool_call>{\"name\" : \"news\", \"arguments\": { \"city\" :\"Lisbon\" } }</tool_call>";
        Prompt withTools = writer().write(new PromptRequest(
                List.of(SystemMessage.from("Be brief."), QUESTION), List.of(), null, format, "ann", Isolation.SHARED));
        assertThat(withTools.tokens()).isEqualTo(prompt.tokens());
        writer().remember(withTools, AiMessage.from(call), odd, join(spelled(odd), END), false);
        Prompt moved = writer().write(new PromptRequest(
                List.of(SystemMessage.from("Be brief."), UserMessage.from("Later"), AiMessage.from(call)),
                List.of(),
                null,
                format,
                "ann",
                Isolation.SHARED));
        assertThat(tokenizer.decode(moved.tokens(), false)).contains(odd);
        assertThat(moved.text()).doesNotContain(odd);
    }

    @Test
    void anAnswerWhoseTextWasGivenOftenIsRecognisedByWhatCameBefore() {
        int[] first = answer("Yes.", "ann", Isolation.SHARED, QUESTION);
        int[] second = answer("Yes.", "ann", Isolation.SHARED, UserMessage.from("Other?"));
        assertThat(ledger.turns()).isEqualTo(2);
        assertBegins(write(QUESTION, AiMessage.from("Yes."), UserMessage.from("Sure?")), first);
        assertBegins(write(UserMessage.from("Other?"), AiMessage.from("Yes."), UserMessage.from("Sure?")), second);
        assertPlain(write(UserMessage.from("Third?"), AiMessage.from("Yes."), UserMessage.from("Sure?")));
    }

    @Test
    void anAnswerThatWasCutIsClosedAsTheTemplateClosesIt() {
        Prompt prompt = write(QUESTION);
        int[] generated = spelled("Nothing ne");
        writer().remember(prompt, AiMessage.from("Nothing ne"), "Nothing ne", generated, false);
        Prompt next = write(QUESTION, AiMessage.from("Nothing ne"), UserMessage.from("Go on"));
        int[] seen = join(prompt.tokens(), generated);
        assertBegins(next, seen);
        assertThat(next.tokens()[seen.length]).isEqualTo(END);
        assertThat(tokenizer.decode(next.tokens(), false)).isEqualTo(next.text());
    }

    @Test
    void aStopSequenceIsNoPartOfTheTurnEvenWithinAToken() {
        Prompt prompt = write(QUESTION);
        int[] stop = tokenizer.encode("new.\n\nUser:", false);
        int[] generated = join(spelled("Nothing "), stop);
        writer().remember(prompt, AiMessage.from("Nothing new."), "Nothing new.", generated, true);
        Prompt next = write(QUESTION, AiMessage.from("Nothing new."), UserMessage.from("Go on"));
        assertBegins(next, join(prompt.tokens(), spelled("Nothing ")));
        assertThat(tokenizer.decode(next.tokens(), false)).isEqualTo(next.text());
    }

    @Test
    void withStopSequencesThatWereNotFoundNothingIsCut() {
        Prompt prompt = write(QUESTION);
        int[] generated = join(spelled("Nothing – new."), END);
        writer().remember(prompt, AiMessage.from("Nothing – new."), "Nothing – new.", generated, true);
        Prompt next = write(QUESTION, AiMessage.from("Nothing – new."), UserMessage.from("Go on"));
        assertBegins(next, join(prompt.tokens(), generated));
    }

    @Test
    void anAnswerWhoseConversationIsEvictedWhileItIsGeneratedIsNotRemembered() {
        Prompt running = write("ann", Isolation.SHARED, QUESTION);
        Prompt other = write("bob", Isolation.SHARED, UserMessage.from("Two?"));
        ledger.evicted("ann"::equals);
        int[] generated = join(spelled("Nothing new."), END);
        writer().remember(running, AiMessage.from("Nothing new."), "Nothing new.", generated, false);
        assertThat(ledger.turns()).isZero();
        writer().remember(other, AiMessage.from("Two."), "Two.", join(spelled("Two."), END), false);
        assertThat(ledger.turns()).isEqualTo(1);
        answer("Nothing new.", "ann", Isolation.SHARED, QUESTION);
        assertThat(ledger.turns()).as("the next request is another one").isEqualTo(2);
    }

    @Test
    void whoAsksForEvictionMayWaitForTheLedger() {
        answer("Nothing new.", "ann", Isolation.SHARED, QUESTION);
        ledger.evicted(id -> CompletableFuture.supplyAsync(() -> ledger.turns() == 1)
                .orTimeout(10, TimeUnit.SECONDS)
                .join());
        assertThat(ledger.turns()).isZero();
    }

    @Test
    void forksInCirclesAndLongChainsAreOneFamily() {
        int[] seen = answer("Nothing new.", "main", Isolation.PER_MEMORY_ID, QUESTION);
        ledger.forked("main", "branch");
        ledger.forked("branch", "main");
        ledger.forked("branch", "g0");
        for (int i = 1; i <= 3000; i++) {
            ledger.forked("g" + (i - 1), "g" + i);
        }
        ChatMessage[] next = {QUESTION, AiMessage.from("Nothing new."), UserMessage.from("Sure?")};
        assertBegins(write("main", Isolation.PER_MEMORY_ID, next), seen);
        assertBegins(write("g3000", Isolation.PER_MEMORY_ID, next), seen);
        assertPlain(write("stranger", Isolation.PER_MEMORY_ID, next));
    }

    @Test
    void isolatedAnswersOfNobodyInParticularAreNotKept() {
        answer("Nothing new.", null, Isolation.PER_MEMORY_ID, QUESTION);
        assertThat(ledger.turns()).isZero();
    }

    @Test
    void theTurnsThatWereNotUsedForTheLongestTimeGoFirst() {
        ledger = new PromptLedger(2, 1 << 20);
        int[] first = answer("One.", "ann", Isolation.SHARED, QUESTION);
        answer("Two.", "ann", Isolation.SHARED, UserMessage.from("Two?"));
        assertBegins(write(QUESTION, AiMessage.from("One."), UserMessage.from("?")), first);
        answer("Three.", "ann", Isolation.SHARED, UserMessage.from("Three?"));
        assertThat(ledger.turns()).isEqualTo(2);
        assertBegins(write(QUESTION, AiMessage.from("One."), UserMessage.from("?")), first);
        assertPlain(write(UserMessage.from("Two?"), AiMessage.from("Two."), UserMessage.from("?")));
    }

    @Test
    void aLedgerHoldsNoMoreBytesThanItMay() {
        ledger = new PromptLedger(1000, 20_000);
        for (int i = 0; i < 100; i++) {
            answer("Answer number " + i + ".", "c" + i, Isolation.SHARED, UserMessage.from("Question " + i));
            assertThat(ledger.bytes()).isLessThanOrEqualTo(20_000);
        }
        assertThat(ledger.turns()).isBetween(5, 60);
        answer("x".repeat(20_000), "long", Isolation.SHARED, QUESTION);
        assertThat(ledger.bytes()).isLessThanOrEqualTo(20_000);
        ledger = new PromptLedger(0, 20_000);
        answer("Nothing.", "ann", Isolation.SHARED, QUESTION);
        assertThat(ledger.turns()).isZero();
    }

    @Test
    void conversationsOfManyThreadsKeepTheirTokens() throws Exception {
        ledger = new PromptLedger(200, 1 << 20);
        try (var threads = Executors.newFixedThreadPool(4)) {
            List<Future<?>> all = new ArrayList<>();
            for (int t = 0; t < 4; t++) {
                String id = "thread " + t;
                all.add(threads.submit(() -> {
                    Random random = new Random(id.hashCode());
                    List<ChatMessage> messages = new ArrayList<>(List.of(UserMessage.from("Hello from " + id)));
                    for (int round = 0; round < 20; round++) {
                        String text = "Yes " + random.nextInt(3);
                        int[] seen = answer(text, id, Isolation.SHARED, messages.toArray(ChatMessage[]::new));
                        messages.add(AiMessage.from(text));
                        messages.add(UserMessage.from("And " + round + "?"));
                        assertBegins(write(id, Isolation.SHARED, messages.toArray(ChatMessage[]::new)), seen);
                    }
                    return null;
                }));
            }
            for (Future<?> one : all) {
                one.get();
            }
        }
    }
}
