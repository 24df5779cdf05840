package dev.langchain4j.model.mlx.samples.chat;

import dev.langchain4j.data.message.AiMessage;
import dev.langchain4j.data.message.Content;
import dev.langchain4j.data.message.TextContent;
import dev.langchain4j.exception.UnsupportedFeatureException;
import dev.langchain4j.memory.chat.MessageWindowChatMemory;
import dev.langchain4j.model.chat.listener.ChatModelListener;
import dev.langchain4j.model.chat.listener.ChatModelResponseContext;
import dev.langchain4j.model.chat.request.ChatRequestParameters;
import dev.langchain4j.model.chat.response.ChatResponse;
import dev.langchain4j.model.mlx.MlxChatRequestParameters;
import dev.langchain4j.model.mlx.MlxChatResponseMetadata;
import dev.langchain4j.model.mlx.MlxMemoryId;
import dev.langchain4j.model.mlx.MlxMetrics;
import dev.langchain4j.model.mlx.MlxModel;
import dev.langchain4j.model.mlx.MlxStreamingChatModel;
import dev.langchain4j.model.mlx.cache.PromptCache;
import dev.langchain4j.model.mlx.samples.AgentSample;
import dev.langchain4j.model.mlx.samples.RoundCost;
import dev.langchain4j.service.AiServices;
import dev.langchain4j.service.MemoryId;
import dev.langchain4j.service.SystemMessage;
import dev.langchain4j.service.TokenStream;
import dev.langchain4j.service.UserMessage;
import dev.langchain4j.service.tool.ToolExecution;
import io.micrometer.core.instrument.Gauge;
import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.BlockingQueue;

/**
 * The conversations of the chat page, answered by an AI service with or without tools over one model. Each change is
 * published as an event, in order; whoever comes later begins with the state as of then. Thread-safe.
 */
final class ChatDesk implements ChatModelListener {
    private static final int MESSAGES_MAX = 60;
    private static final int TITLE_LENGTH = 40;

    /** The AI service; the conversation's name is its memory ID. */
    interface TravelDesk {
        @SystemMessage(AgentSample.SYSTEM)
        TokenStream chat(
                @MemoryId String conversation, @UserMessage List<Content> contents, ChatRequestParameters parameters);
    }

    /** A conversation: its messages as the model sees them, and as the page shows them. */
    private record Conversation(MessageWindowChatMemory memory, List<Turn> turns) {
        String title() {
            String first = turns.isEmpty() ? "New conversation" : turns.getFirst().question;
            return first.length() <= TITLE_LENGTH ? first : first.substring(0, TITLE_LENGTH - 1) + "…";
        }
    }

    /** How many requests run and wait, and how long the last one waited. */
    private record Load(int running, int waiting, double queuedMillis) {}

    private final MlxModel model;
    private final Gauge runningRequests;
    private final Gauge waitingRequests;
    private final TravelDesk withTools;
    private final TravelDesk withoutTools;
    private final EventStreams events;
    private final Map<String, Conversation> conversations = new LinkedHashMap<>();
    private int names;
    private Load load = new Load(0, 0, 0);

    ChatDesk(MlxModel model, MlxStreamingChatModel.Builder chat, Object tools, EventStreams events) {
        this.model = model;
        this.events = events;
        MeterRegistry meters = new SimpleMeterRegistry();
        new MlxMetrics(model).bindTo(meters);
        runningRequests = meters.get("langchain4j.mlx.requests.running").gauge();
        waitingRequests = meters.get("langchain4j.mlx.requests.waiting").gauge();
        MlxStreamingChatModel chatModel = chat.model(model).listeners(this).build();
        withTools = service(chatModel).tools(tools).build();
        withoutTools = service(chatModel).build();
    }

    private AiServices<TravelDesk> service(MlxStreamingChatModel chatModel) {
        return AiServices.builder(TravelDesk.class)
                .streamingChatModel(chatModel)
                .chatMemoryProvider(name -> conversation((String) name).memory());
    }

    private synchronized Conversation conversation(String name) {
        Conversation conversation = conversations.get(name);
        if (conversation == null) {
            throw new IllegalArgumentException("there is no conversation " + name);
        }
        return conversation;
    }

    /** Everything that the page shows but the cache. */
    private Map<String, Object> state() {
        List<Map<String, Object>> all = new ArrayList<>();
        conversations.forEach((name, conversation) -> all.add(Map.of(
                "id", name,
                "title", conversation.title(),
                "turns", conversation.turns().stream().map(Turn::view).toList())));
        return Map.of(
                "type",
                "state",
                "model",
                model.name(),
                "context",
                model.contextLength(),
                "sees",
                model.seesImages(),
                "load",
                load,
                "conversations",
                all);
    }

    /** Begins a stream of events with the state as it is. */
    synchronized BlockingQueue<String> follow() {
        BlockingQueue<String> stream = events.open(state());
        cacheChanged();
        return stream;
    }

    /** Begins a conversation and returns its name. */
    synchronized String open() {
        String name = "chat-" + ++names;
        conversations.put(
                name, new Conversation(MessageWindowChatMemory.withMaxMessages(MESSAGES_MAX), new ArrayList<>()));
        events.publish(Map.of("type", "opened", "conversation", name, "title", "New conversation"));
        return name;
    }

    /** Forgets a conversation, and what only it holds in the prompt cache. Its answer is stopped. */
    void close(String name) {
        stop(name);
        synchronized (this) {
            conversations.remove(name);
            events.publish(Map.of("type", "closed", "conversation", name));
        }
        model.promptCache().evict(MlxMemoryId.of(TravelDesk.class, name)).thenRun(this::cacheChanged);
    }

    /**
     * Asks; the answer comes as events.
     *
     * @param pictures what the model is to look at
     * @throws IllegalStateException if the conversation's last question is still being answered
     */
    void ask(String name, String text, List<Picture> pictures, boolean tools) {
        Turn turn = new Turn(text, pictures.stream().map(Picture::thumbnail).toList(), tools);
        List<Content> contents = new ArrayList<>();
        pictures.forEach(picture -> contents.add(picture.content()));
        contents.add(TextContent.from(text));
        synchronized (this) {
            List<Turn> turns = conversation(name).turns();
            if (!turns.isEmpty() && turns.getLast().isRunning()) {
                throw new IllegalStateException("the last question of " + name + " is still being answered");
            }
            turns.add(turn);
            changed(name, turn);
        }
        TokenStream answer = (tools ? withTools : withoutTools)
                .chat(
                        name,
                        contents,
                        MlxChatRequestParameters.builder()
                                .cancellation(turn.cancellation)
                                .build())
                .onPartialResponse(piece -> piece(name, turn, piece))
                .onPartialThinking(piece -> thought(name, turn, piece.text()))
                .onPartialToolCall(call -> running(name, turn))
                .onIntermediateResponse(response -> roundEnded(turn, response))
                .onToolExecuted(execution -> executed(name, turn, execution))
                .onCompleteResponse(response -> ended(name, turn, Turn.State.DONE, null))
                .onError(error -> ended(name, turn, Turn.State.FAILED, error.getMessage()));
        try {
            answer.start();
        } catch (UnsupportedFeatureException e) {
            // The only failure that is thrown.
            ended(name, turn, Turn.State.FAILED, e.getMessage());
        }
    }

    /**
     * Stops the answer at once, also while it waits or its prompt is computed; a tool that runs ends first. Its text
     * stays.
     */
    synchronized void stop(String name) {
        List<Turn> turns = conversation(name).turns();
        if (!turns.isEmpty() && turns.getLast().isRunning()) {
            turns.getLast().cancellation.cancel();
            endIfStopped(name, turns.getLast());
        }
    }

    private void endIfStopped(String name, Turn turn) {
        if (turn.cancellation.isCancelled() && turn.openCalls == 0 && turn.isRunning()) {
            String said = turn.answer.isEmpty() ? "[stopped]" : turn.answer.toString();
            conversation(name).memory().add(AiMessage.from(said));
            ended(name, turn, Turn.State.STOPPED, null);
        }
    }

    private synchronized void piece(String name, Turn turn, String text) {
        running(name, turn);
        if (turn.isRunning()) {
            turn.answer.append(text);
            events.publish(Map.of("type", "piece", "conversation", name, "text", text));
            loadChanged(load.queuedMillis);
        }
    }

    private synchronized void thought(String name, Turn turn, String text) {
        running(name, turn);
        if (turn.isRunning()) {
            turn.thinking.append(text);
            changed(name, turn);
        }
    }

    private synchronized void running(String name, Turn turn) {
        if (turn.state == Turn.State.WAITING) {
            turn.state = Turn.State.ANSWERING;
            changed(name, turn);
        }
    }

    /** A round ended with calls: their tools run now. */
    private synchronized void roundEnded(Turn turn, ChatResponse response) {
        turn.openCalls = response.aiMessage().toolExecutionRequests().size();
    }

    private synchronized void executed(String name, Turn turn, ToolExecution execution) {
        turn.calls.add(
                new Turn.Call(execution.request().name(), execution.request().arguments(), execution.result()));
        turn.openCalls--;
        changed(name, turn);
        endIfStopped(name, turn);
    }

    /** Called for each round of a tool loop, before its answer is given on. */
    @Override
    public void onResponse(ChatModelResponseContext context) {
        RoundCost cost = RoundCost.of(context);
        MlxChatResponseMetadata metadata = cost.metadata();
        Double rate = metadata.decodeTokensPerSecond();
        String name = (String) cost.memoryId().id();
        synchronized (this) {
            Conversation conversation = conversations.get(name);
            double queued = metadata.queued().toNanos() / 1e6;
            loadChanged(queued);
            if (conversation != null) {
                Turn turn = conversation.turns().getLast();
                turn.rounds.add(new Turn.Round(
                        cost.prompt(),
                        cost.cached(),
                        cost.generated(),
                        queued,
                        cost.firstTokenMillis(),
                        rate == null ? 0 : rate,
                        metadata.maxRows() == null ? 1 : metadata.maxRows(),
                        metadata.reuseReason().toString()));
                changed(name, turn);
            }
        }
        cacheChanged();
    }

    private synchronized void ended(String name, Turn turn, Turn.State state, String error) {
        if (turn.isRunning()) {
            turn.state = state;
            turn.error = error;
            changed(name, turn);
        }
        cacheChanged();
    }

    private void changed(String name, Turn turn) {
        Conversation conversation = conversations.get(name);
        if (conversation != null) {
            events.publish(Map.of(
                    "type", "turn",
                    "conversation", name,
                    "title", conversation.title(),
                    "index", conversation.turns().indexOf(turn),
                    "turn", turn.view()));
        }
        loadChanged(load.queuedMillis);
    }

    private void loadChanged(double queuedMillis) {
        Load now = new Load((int) runningRequests.value(), (int) waitingRequests.value(), queuedMillis);
        if (!now.equals(load)) {
            load = now;
            events.publish(Map.of("type", "load", "load", load));
        }
    }

    /** Publishes what the cache holds and who runs, once the model has a moment for it. */
    void cacheChanged() {
        PromptCache cache = model.promptCache();
        cache.nodes().thenAcceptAsync(nodes -> {
            events.publish(CacheView.of(cache, nodes));
            synchronized (this) {
                loadChanged(load.queuedMillis);
            }
        });
    }
}
