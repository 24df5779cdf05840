package dev.langchain4j.model.mlx;

import dev.langchain4j.agent.tool.ToolSpecification;
import dev.langchain4j.data.message.ChatMessage;
import dev.langchain4j.data.message.SystemMessage;
import dev.langchain4j.data.message.UserMessage;
import dev.langchain4j.exception.NonRetriableException;
import dev.langchain4j.model.mlx.cache.Boundary;
import dev.langchain4j.model.mlx.cache.CacheSession;
import dev.langchain4j.model.mlx.cache.Isolation;
import dev.langchain4j.model.mlx.cache.ReusePlan;
import dev.langchain4j.model.mlx.cache.Tier;
import dev.langchain4j.model.mlx.calls.OutputFormat;
import dev.langchain4j.model.mlx.generate.GenerationListener;
import dev.langchain4j.model.mlx.generate.GenerationRequest;
import dev.langchain4j.model.mlx.generate.GenerationResult;
import dev.langchain4j.model.mlx.generate.Sampling;
import dev.langchain4j.model.mlx.parse.ToolSchemas;
import dev.langchain4j.model.mlx.prompt.Prompt;
import dev.langchain4j.model.mlx.prompt.PromptRequest;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.CancellationException;
import java.util.concurrent.ExecutionException;

/** Computes the beginning that all conversations with the same system message and tools have in common. */
final class PromptWarmer {
    /** Two first messages that no tokenizer begins alike; what their prompts share, every prompt begins with. */
    private static final List<String> FIRST_WORDS = List.of("Hello", "7");

    private final MlxModel model;
    private final MlxChatRequestParameters parameters;

    PromptWarmer(MlxModel model, MlxChatRequestParameters parameters) {
        this.model = model;
        this.parameters = parameters;
    }

    int warm(String systemMessage, List<ToolSpecification> tools) {
        Failures.refuseWaiting(model, "warm");
        if (model.engine().isClosed()) {
            throw Failures.closed(model, null);
        }
        Prompt first = prompt(systemMessage, tools, FIRST_WORDS.get(0));
        Prompt second = prompt(systemMessage, tools, FIRST_WORDS.get(1));
        int mismatch = Arrays.mismatch(first.tokens(), second.tokens());
        int shared = mismatch < 0 ? first.tokens().length : mismatch;
        if (shared == 0) {
            return 0;
        }
        List<Boundary> boundaries = new ArrayList<>(List.of(new Boundary(shared, Tier.SYSTEM)));
        first.boundaries().stream()
                .filter(boundary -> boundary.tier() == Tier.SYSTEM && boundary.position() < shared)
                .forEach(boundaries::add);
        GenerationRequest request = new GenerationRequest(
                Arrays.copyOf(first.tokens(), shared),
                boundaries,
                null,
                Isolation.SHARED,
                Sampling.GREEDY,
                1,
                List.of());
        GenerationListener nobody = new GenerationListener() {
            @Override
            public void onText(String text) {}

            @Override
            public CacheSession.Outcome onEnd() {
                return CacheSession.Outcome.CANCELLED;
            }
        };
        try {
            GenerationResult result =
                    model.engine().submit(request, nobody).result().get();
            return result.plan().reason() == ReusePlan.Reason.DISABLED ? 0 : result.promptTokens();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new NonRetriableException("interrupted while the model was warmed", e);
        } catch (ExecutionException | CancellationException e) {
            throw Failures.of(e);
        }
    }

    private Prompt prompt(String systemMessage, List<ToolSpecification> tools, String firstWord) {
        List<ChatMessage> messages = new ArrayList<>();
        if (systemMessage != null) {
            messages.add(MlxChatSupport.normalized(model.promptNormalizer(), SystemMessage.from(systemMessage)));
        }
        messages.add(UserMessage.from(firstWord));
        OutputFormat format = model.template().format(!tools.isEmpty(), ToolSchemas.none());
        ReasoningSettings reasoning =
                new ReasoningSettings(parameters, model.template().source(!tools.isEmpty()), format.reasoning());
        return model.prompts()
                .write(new PromptRequest(
                        messages,
                        tools,
                        reasoning.templateArguments(),
                        format,
                        null,
                        Isolation.SHARED,
                        Boolean.TRUE.equals(parameters.allowControlTokens())));
    }
}
