package dev.langchain4j.model.mlx.prompt;

import com.fasterxml.jackson.databind.JsonNode;
import dev.langchain4j.agent.tool.ToolSpecification;
import dev.langchain4j.data.message.ChatMessage;
import dev.langchain4j.exception.InvalidRequestException;
import dev.langchain4j.mlx.text.Encoding;
import dev.langchain4j.mlx.text.Tokenizer;
import dev.langchain4j.model.mlx.cache.Boundary;
import dev.langchain4j.model.mlx.cache.Tier;
import dev.langchain4j.model.mlx.jinja.RenderResult;
import dev.langchain4j.model.mlx.jinja.Template;
import dev.langchain4j.model.mlx.jinja.TemplateException;
import dev.langchain4j.model.mlx.model.ModelLoader;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.IntUnaryOperator;

/**
 * The chat template of a model folder, compiled once: {@code chat_template.jinja}, else what tokenizer_config.json has,
 * one template or several with names, of which {@code tool_use} serves requests with tools. Thread-safe.
 */
public final class ChatTemplate {
    private static final String DEFAULT = "default";
    private static final String TOOL_USE = "tool_use";
    private static final List<String> SPECIAL_TOKENS =
            List.of("bos_token", "eos_token", "pad_token", "unk_token", "sep_token", "cls_token", "mask_token");

    private final Map<String, Template> templates = new LinkedHashMap<>();
    private final Map<String, String> sources;
    private final Map<String, String> specialTokens = new LinkedHashMap<>();

    private ChatTemplate(Map<String, String> sources, JsonNode tokenizerConfig, Path folder) {
        this.sources = sources;
        sources.forEach((name, source) -> {
            try {
                templates.put(name, Template.compile(source));
            } catch (TemplateException e) {
                throw new InvalidRequestException(
                        "the chat template of " + folder + " is broken: " + e.getMessage(), e);
            }
        });
        for (String name : SPECIAL_TOKENS) {
            JsonNode token = tokenizerConfig.path(name);
            String text =
                    token.isTextual() ? token.asText() : token.path("content").asText("");
            if (!text.isEmpty()) {
                specialTokens.put(name, text);
            }
        }
    }

    /**
     * The template of a model folder.
     *
     * @throws InvalidRequestException if there is none, or it is broken
     */
    public static ChatTemplate load(Path folder) {
        Path configFile = folder.resolve("tokenizer_config.json");
        JsonNode config = Files.isRegularFile(configFile)
                ? ModelLoader.json(configFile)
                : com.fasterxml.jackson.databind.node.MissingNode.getInstance();
        Map<String, String> sources = new LinkedHashMap<>();
        named(config.path("chat_template"), sources);
        Path json = folder.resolve("chat_template.json");
        if (Files.isRegularFile(json)) {
            named(ModelLoader.json(json).path("chat_template"), sources);
        }
        Path file = folder.resolve("chat_template.jinja");
        if (Files.isRegularFile(file)) {
            try {
                sources.put(DEFAULT, Files.readString(file));
            } catch (IOException e) {
                throw new InvalidRequestException("cannot read " + file + ": " + e.getMessage(), e);
            }
        }
        if (sources.isEmpty()) {
            throw new InvalidRequestException("the model folder " + folder.toAbsolutePath()
                    + " has no chat template: neither chat_template.jinja, nor chat_template.json, nor an entry"
                    + " chat_template in tokenizer_config.json. Is it a base model, without instruction tuning?");
        }
        return new ChatTemplate(sources, config, folder);
    }

    private static void named(JsonNode entry, Map<String, String> sources) {
        if (entry.isTextual()) {
            sources.put(DEFAULT, entry.asText());
        } else if (entry.isArray()) {
            entry.forEach(one -> sources.put(
                    one.path("name").asText(DEFAULT), one.path("template").asText()));
        } else if (entry.isObject()) {
            entry.properties().forEach(e -> sources.put(e.getKey(), e.getValue().asText()));
        }
    }

    /** The source that serves requests with, or without, tools: what formats of calls and reasoning are told from. */
    public String source(boolean tools) {
        return sources.get(name(tools));
    }

    /**
     * Renders a request and turns it into tokens.
     *
     * @param think whether the model may reason first, for templates that ask; null leaves it to the template
     * @throws InvalidRequestException if the template refuses the messages: with the template's own words
     * @throws dev.langchain4j.exception.UnsupportedFeatureException for content that is no text
     */
    public Prompt prompt(
            List<ChatMessage> messages, List<ToolSpecification> tools, Boolean think, Tokenizer tokenizer) {
        List<Map<String, Object>> mapped = MessageMapper.map(messages);
        RenderResult rendered = render(mapped, ToolMapper.map(tools), think);
        Encoding encoding = tokenizer.encodeWithOffsets(rendered.text(), false);
        int[] tokens = encoding.ids();
        if (tokens.length == 0) {
            throw new InvalidRequestException("the chat template rendered these messages to no text at all");
        }
        List<Boundary> boundaries = boundaries(mapped, rendered, encoding::tokensWithin);
        return new Prompt(rendered.text(), tokens, boundaries, List.of(), null);
    }

    /** Renders mapped messages and tools. */
    RenderResult render(List<Map<String, Object>> messages, List<Map<String, Object>> tools, Boolean think) {
        Map<String, Object> context = new LinkedHashMap<>(specialTokens);
        context.put("messages", messages);
        context.put("add_generation_prompt", true);
        if (!tools.isEmpty()) {
            context.put("tools", tools);
        }
        if (think != null) {
            context.put("enable_thinking", think);
            context.put("thinking", think);
        }
        try {
            return templates.get(name(!tools.isEmpty())).render(context, messages);
        } catch (TemplateException e) {
            if (e.kind() == TemplateException.Kind.RAISED) {
                throw new InvalidRequestException(e.words(), e);
            }
            throw new InvalidRequestException("the chat template cannot render these messages: " + e.getMessage(), e);
        }
    }

    /** Where the system message and tools end, where each user message ends, and where the generation prompt begins. */
    static List<Boundary> boundaries(
            List<Map<String, Object>> messages, RenderResult rendered, IntUnaryOperator tokensWithin) {
        List<Boundary> boundaries = new ArrayList<>();
        boolean systemEnded = false;
        int last = 0;
        for (RenderResult.Span span : rendered.spans()) {
            Object role = messages.get(span.element()).get("role");
            if (!systemEnded && !"system".equals(role)) {
                systemEnded = true;
                add(boundaries, tokensWithin.applyAsInt(span.start()), Tier.SYSTEM);
            }
            if ("user".equals(role)) {
                add(boundaries, tokensWithin.applyAsInt(span.end()), Tier.USER);
            }
            last = Math.max(last, span.end());
        }
        add(boundaries, tokensWithin.applyAsInt(last), Tier.ASSISTANT);
        return boundaries;
    }

    private static void add(List<Boundary> boundaries, int position, Tier tier) {
        if (position > 0) {
            boundaries.add(new Boundary(position, tier));
        }
    }

    private String name(boolean tools) {
        if (tools && sources.containsKey(TOOL_USE)) {
            return TOOL_USE;
        }
        return sources.containsKey(DEFAULT)
                ? DEFAULT
                : sources.keySet().iterator().next();
    }
}
