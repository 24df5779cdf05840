package dev.langchain4j.model.mlx.samples;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.langchain4j.agent.tool.Tool;
import dev.langchain4j.agent.tool.ToolExecutionRequest;
import dev.langchain4j.agent.tool.ToolSpecification;
import dev.langchain4j.agent.tool.ToolSpecifications;
import dev.langchain4j.agentic.Agent;
import dev.langchain4j.agentic.AgenticServices;
import dev.langchain4j.memory.ChatMemory;
import dev.langchain4j.memory.chat.MessageWindowChatMemory;
import dev.langchain4j.model.chat.ChatModel;
import dev.langchain4j.model.chat.listener.ChatModelListener;
import dev.langchain4j.model.mlx.MlxChatModel;
import dev.langchain4j.model.mlx.MlxMemoryId;
import dev.langchain4j.model.mlx.MlxModel;
import dev.langchain4j.service.AiServices;
import dev.langchain4j.service.MemoryId;
import dev.langchain4j.service.SystemMessage;
import dev.langchain4j.service.UserMessage;
import dev.langchain4j.service.V;
import dev.langchain4j.service.tool.DefaultToolExecutor;
import dev.langchain4j.service.tool.ToolExecutor;
import java.lang.reflect.Method;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;

/**
 * A team of agents over one model. A supervisor talks to the traveller. Before the team works, each agent's memory is
 * forked from the supervisor's: it begins with a copy of its messages, and the prompt cache is told so. All agents have
 * the same system message and the same tools, so that their prompts begin with the same tokens.
 *
 * <p>There are two ways to work. {@link #plan} runs a fixed workflow: three agents in parallel, then one that needs
 * what they found. {@link #ask} lets the supervisor decide: its weather tool asks the forecaster. The interfaces of
 * agents are public because langchain4j-agentic calls them by reflection.
 */
public final class Team {
    private static final ObjectMapper JSON = new ObjectMapper();
    private static final int MESSAGES_MAX = 60;
    private static final int ANSWER_TOKENS_MAX = 400;

    /** Talks to the traveller. Its tools are the agents. */
    interface Supervisor {
        @SystemMessage(AgentSample.SYSTEM)
        String chat(@MemoryId String traveller, @UserMessage String text);
    }

    /** Looks at the weather. */
    public interface Forecaster {
        @SystemMessage(AgentSample.SYSTEM)
        @UserMessage("What is the weather in {{city}}?")
        @Agent(description = "knows the weather of a city", outputKey = "weather")
        String weather(@MemoryId String traveller, @V("city") String city);
    }

    /** Changes money. */
    public interface Cashier {
        @SystemMessage(AgentSample.SYSTEM)
        @UserMessage("How much is {{amount}} USD in EUR?")
        @Agent(description = "converts US dollars to euros", outputKey = "money")
        String convert(@MemoryId String traveller, @V("amount") int amount);
    }

    /** Reads the timetable. */
    public interface Timetable {
        @SystemMessage(AgentSample.SYSTEM)
        @UserMessage("Which trains go from {{origin}} to {{city}}?")
        @Agent(description = "knows the trains between two cities", outputKey = "trains")
        String trains(@MemoryId String traveller, @V("origin") String origin, @V("city") String city);
    }

    /** Books seats, once the timetable is known. */
    public interface Booker {
        @SystemMessage(AgentSample.SYSTEM)
        @UserMessage("Book 2 seats on the first train from {{origin}} to {{city}}.")
        @Agent(description = "books the first train between two cities", outputKey = "booking")
        String book(@MemoryId String traveller, @V("origin") String origin, @V("city") String city);
    }

    /** The workflow: three agents in parallel, then the booker. */
    public interface Workflow {
        @Agent
        String plan(
                @MemoryId String traveller,
                @V("origin") String origin,
                @V("city") String city,
                @V("amount") int amount);
    }

    private static final List<Class<?>> ROLES = List.of(Forecaster.class, Cashier.class, Timetable.class, Booker.class);

    private final MlxModel model;
    private final ChatModel chat;
    private final Map<MlxMemoryId, ChatMemory> memories = new ConcurrentHashMap<>();
    private final Forecaster forecaster;
    private final Workflow workflow;

    /**
     * Builds the agents.
     *
     * @param model should run as many requests at once as agents work in parallel ({@code maxConcurrent})
     * @param listener hears of each round of each agent
     */
    Team(MlxModel model, ChatModelListener listener) {
        this.model = model;
        chat = MlxChatModel.builder()
                .model(model)
                .temperature(0.0)
                .maxOutputTokens(ANSWER_TOKENS_MAX)
                .listeners(listener)
                .build();
        forecaster = AiServices.builder(Forecaster.class)
                .chatModel(chat)
                .tools(new TravelTools())
                .chatMemoryProvider(traveller -> memory(Forecaster.class, traveller))
                .build();
        Object research = AgenticServices.parallelBuilder()
                .subAgents(agent(Forecaster.class), agent(Cashier.class), agent(Timetable.class))
                .build();
        workflow = AgenticServices.sequenceBuilder(Workflow.class)
                .subAgents(research, agent(Booker.class))
                .output(scope -> "%s %s %s %s"
                        .formatted(
                                scope.readState("weather"),
                                scope.readState("money"),
                                scope.readState("trains"),
                                scope.readState("booking")))
                .build();
    }

    private <T> T agent(Class<T> role) {
        return AgenticServices.agentBuilder(role)
                .chatModel(chat)
                .tools(new TravelTools())
                .chatMemoryProvider(traveller -> memory(role, traveller))
                .build();
    }

    private ChatMemory memory(Class<?> role, Object traveller) {
        return memories.computeIfAbsent(
                MlxMemoryId.of(role, traveller), id -> MessageWindowChatMemory.withMaxMessages(MESSAGES_MAX));
    }

    /** Asks the supervisor. Its weather tool asks the forecaster; its other tools compute their results themselves. */
    String ask(String traveller, String text) {
        return AiServices.builder(Supervisor.class)
                .chatModel(chat)
                .tools(tools())
                .chatMemoryProvider(id -> memory(Supervisor.class, id))
                .build()
                .chat(traveller, text);
    }

    /** The tools that all agents have, by the same specifications. Only what executes them differs. */
    private Map<ToolSpecification, ToolExecutor> tools() {
        TravelTools own = new TravelTools();
        Map<ToolSpecification, ToolExecutor> tools = new LinkedHashMap<>();
        for (Method method : TravelTools.class.getDeclaredMethods()) {
            if (method.isAnnotationPresent(Tool.class)) {
                ToolSpecification tool = ToolSpecifications.toolSpecificationFrom(method);
                tools.put(
                        tool,
                        tool.name().equals("weather") ? this::askForecaster : new DefaultToolExecutor(own, method));
            }
        }
        return tools;
    }

    private String askForecaster(ToolExecutionRequest call, Object traveller) {
        fork(Forecaster.class, (String) traveller);
        // The demo model was trained on short results: "13 degrees, light rain", not "In Madrid it is 13 degrees, ...".
        return forecaster.weather((String) traveller, city(call)).replaceFirst("^In .* it is (.*)\\.$", "$1");
    }

    private static String city(ToolExecutionRequest call) {
        try {
            return JSON.readTree(call.arguments()).path("city").asText();
        } catch (JsonProcessingException e) {
            throw new IllegalArgumentException("arguments (" + call.arguments() + ") must be JSON", e);
        }
    }

    /** Runs the workflow; each agent begins with what the supervisor and the traveller said so far. */
    String plan(String traveller, String origin, String city, int amount) {
        ROLES.forEach(role -> fork(role, traveller));
        return workflow.plan(traveller, origin, city, amount);
    }

    /** Gives an agent the supervisor's memory as it is now, and tells the prompt cache. */
    private void fork(Class<?> role, String traveller) {
        ChatMemory common = memory(Supervisor.class, traveller);
        memory(role, traveller).set(common.messages());
        model.promptCache()
                .fork(MlxMemoryId.of(Supervisor.class, traveller), MlxMemoryId.of(role, traveller))
                .join();
    }
}
