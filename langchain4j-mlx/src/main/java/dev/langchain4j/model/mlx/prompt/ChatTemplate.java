package dev.langchain4j.model.mlx.prompt;

import dev.langchain4j.agent.tool.ToolSpecification;
import dev.langchain4j.data.message.ChatMessage;
import dev.langchain4j.exception.InvalidRequestException;
import dev.langchain4j.exception.UnsupportedFeatureException;
import dev.langchain4j.mlx.text.Encoding;
import dev.langchain4j.mlx.text.Tokenizer;
import dev.langchain4j.model.mlx.cache.Boundary;
import dev.langchain4j.model.mlx.cache.Tier;
import dev.langchain4j.model.mlx.calls.OutputFormat;
import dev.langchain4j.model.mlx.calls.ToolCallFormat;
import dev.langchain4j.model.mlx.jinja.Template;
import dev.langchain4j.model.mlx.jinja.common.RenderResult;
import dev.langchain4j.model.mlx.jinja.common.TemplateException;
import dev.langchain4j.model.mlx.parse.ReasoningFormat;
import dev.langchain4j.model.mlx.parse.ToolSchemas;
import dev.langchain4j.model.mlx.prompt.FittedMessages.Extent;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.IntUnaryOperator;
import java.util.function.Predicate;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The chat templates of a model, compiled once. A folder may have several with names: {@code tool_use} serves requests
 * with tools, {@code rag} those with the template argument {@code documents}, {@code default} all others. Thread-safe.
 *
 * <p>What a template drops without a word is found out by trying (see {@link TemplateAbilities}): tools, calls and
 * results without a place in it are refused, all else is fitted (see {@link FittedMessages}).
 */
public final class ChatTemplate {
    private static final Logger log = LoggerFactory.getLogger(ChatTemplate.class);
    private static final String TOOL_USE = "tool_use";
    private static final String RAG = "rag";
    private static final String DOCUMENTS = "documents";
    private static final Set<String> COMMON_ROLES = Set.of("system", "user", "assistant", "tool");
    private static final Set<String> RESERVED = Set.of("messages", "tools", "add_generation_prompt");

    private final Map<String, Template> templates = new LinkedHashMap<>();
    private final Map<String, String> sources;
    private final Map<String, String> specialTokens;
    private volatile ControlTokens controlTokens;
    private final Map<String, ToolCallFormat> formats = new LinkedHashMap<>();
    /** What the templates write for an image; null if the model does not see. */
    private volatile String placeholder;

    private volatile TemplateAbilities withTools;
    private volatile TemplateAbilities withoutTools;

    private ChatTemplate(
            Map<String, String> sources,
            Map<String, String> specialTokens,
            String origin,
            Predicate<String> vocabulary) {
        this.sources = sources;
        this.specialTokens = specialTokens;
        sources.forEach((name, source) -> {
            formats.put(name, ToolCallFormat.detect(source, vocabulary));
            try {
                templates.put(name, Template.compile(source));
            } catch (TemplateException e) {
                throw new InvalidRequestException(
                        "the chat template of " + origin + " is invalid: " + e.getMessage(), e);
            }
        });
    }

    /**
     * The templates of a model folder.
     *
     * @throws InvalidRequestException if there is none, or it is broken
     */
    public static ChatTemplate load(Path folder) {
        return load(folder, null, token -> false);
    }

    /**
     * The templates of a model folder, or what stands for them.
     *
     * @param custom source of a template that takes the place of the folder's; null for the folder's
     * @param vocabulary whether a text is a token of the model: tells which family's template to take where the folder
     *     has none, and how calls are written where the template does not say it
     * @throws InvalidRequestException if there is none and the family is unknown, or it is broken
     */
    public static ChatTemplate load(Path folder, String custom, Predicate<String> vocabulary) {
        TemplateFiles files = new TemplateFiles(folder);
        if (custom != null) {
            return new ChatTemplate(
                    Map.of(TemplateFiles.DEFAULT, custom), files.specialTokens(), "the builder", vocabulary);
        }
        Map<String, String> sources = files.sources();
        if (sources.isEmpty()) {
            FallbackTemplate fallback = FallbackTemplate.of(vocabulary)
                    .orElseThrow(() -> new InvalidRequestException("the model folder " + folder.toAbsolutePath()
                            + " has no chat template: neither chat_template.jinja, nor chat_template.json, nor an entry"
                            + " chat_template in tokenizer_config.json. Is it a base model, without instruction tuning?"
                            + " MlxModel.builder().chatTemplate(...) sets one"));
            log.warn(
                    "{} has no chat template; its control tokens select the fallback template of {}", folder, fallback);
            sources = Map.of(TemplateFiles.DEFAULT, fallback.source());
        }
        return new ChatTemplate(sources, files.specialTokens(), folder.toString(), vocabulary);
    }

    /** Says what the templates write for an image. To be called before they are used. */
    void showImages(String text) {
        placeholder = text;
    }

    /** How the model writes its answers to requests with, or without, tools. */
    public OutputFormat format(boolean tools, ToolSchemas schemas) {
        ReasoningFormat reasoning = ReasoningFormat.detect(source(tools));
        return new OutputFormat(reasoning, formats.get(name(tools, false)), schemas);
    }

    /** The source that serves requests with, or without, tools: what formats of calls and reasoning are told from. */
    public String source(boolean tools) {
        return sources.get(name(tools, false));
    }

    /** The control tokens of these templates' model. */
    ControlTokens controlTokens(Tokenizer tokenizer) {
        ControlTokens known = controlTokens;
        if (known == null || known.tokenizer() != tokenizer) {
            known = new ControlTokens(tokenizer, sources.values());
            controlTokens = known;
        }
        return known;
    }

    /**
     * Template arguments with a choice of thinking among them, under both names that templates know.
     *
     * @param think whether the model may reason first; null leaves it to the template
     * @param arguments win over {@code think}
     */
    public static Map<String, Object> arguments(Boolean think, Map<String, ?> arguments) {
        Map<String, Object> all = new LinkedHashMap<>();
        if (think != null) {
            all.put("enable_thinking", think);
            all.put("thinking", think);
        }
        all.putAll(arguments);
        return all;
    }

    /**
     * Renders a request and turns it into tokens.
     *
     * @param arguments more variables for the template, such as {@code enable_thinking}, {@code reasoning_effort} or
     *     {@code documents}
     * @throws InvalidRequestException if the template refuses the messages: with the template's own words; or if an
     *     argument has a name or value that it cannot have
     * @throws UnsupportedFeatureException for content that is no text, and for what the template has no place for
     */
    public Prompt prompt(
            List<ChatMessage> messages, List<ToolSpecification> tools, Map<String, ?> arguments, Tokenizer tokenizer) {
        List<Map<String, Object>> mapped = MessageMapper.map(messages);
        ControlTokens control = controlTokens(tokenizer);
        Rendered written = write(mapped, ToolMapper.map(tools), arguments, control);
        RenderResult rendered = written.result;
        Encoding encoding = control.encode(rendered.text(), rendered.outside());
        int[] tokens = encoding.ids();
        if (tokens.length == 0) {
            throw new InvalidRequestException("the chat template rendered these messages to no text at all");
        }
        List<Boundary> boundaries = boundaries(mapped, rendered, encoding::tokensWithin);
        return new Prompt(rendered.text(), tokens, null, boundaries, List.of(), written.changes, null);
    }

    /**
     * A rendered conversation.
     *
     * @param result the text; spans name the messages as they were given
     * @param changes what was changed in them
     */
    record Rendered(RenderResult result, List<MessageChange> changes) {}

    /** Renders mapped messages and tools, without asking where its characters come from. */
    RenderResult render(List<Map<String, Object>> messages, List<Map<String, Object>> tools, Map<String, ?> arguments) {
        return write(messages, tools, arguments).result;
    }

    /** As {@link #render}, and tells what was changed. */
    Rendered write(List<Map<String, Object>> messages, List<Map<String, Object>> tools, Map<String, ?> arguments) {
        return write(messages, tools, arguments, null);
    }

    /**
     * Renders mapped messages and tools, with as few changes as the template can do with; see {@link #prompt}.
     *
     * @param control whose characters are followed from the request to the text; null if nobody asks for them
     */
    Rendered write(
            List<Map<String, Object>> messages,
            List<Map<String, Object>> tools,
            Map<String, ?> arguments,
            ControlTokens control) {
        boolean spell = control != null && (control.areIn(messages) || control.areIn(tools));
        return write(messages, tools, arguments, control, spell);
    }

    /** The same where it is known whether texts of messages and tools could become a part of a control token. */
    Rendered write(
            List<Map<String, Object>> messages,
            List<Map<String, Object>> tools,
            Map<String, ?> arguments,
            ControlTokens control,
            boolean spell) {
        boolean marked = control != null && (spell || control.areIn(arguments));
        Rendered rendered = marked
                ? fitted(
                        control.markMessages(messages),
                        control.markTools(tools),
                        control.markArguments(arguments),
                        true)
                : fitted(messages, tools, arguments, false);
        checkCustom(messages, rendered.result.text());
        return rendered;
    }

    /**
     * Where the template refuses what its trials said it takes, all that is not in order is mended, and then calls
     * become text.
     */
    private Rendered fitted(
            List<Map<String, Object>> messages,
            List<Map<String, Object>> tools,
            Map<String, ?> arguments,
            boolean marked) {
        checkArguments(arguments);
        boolean asWithTools = !tools.isEmpty() || needsToolTemplate(messages);
        TemplateAbilities can = abilities(asWithTools);
        checkExpressible(messages, tools, can);
        Template template = templates.get(name(asWithTools, arguments.get(DOCUMENTS) != null));
        TemplateException refused = null;
        FittedMessages tried = null;
        for (Extent extent : extents(tools, can)) {
            Map<String, Object> variables = new LinkedHashMap<>();
            FittedMessages fitted = FittedMessages.of(messages, tools, can, extent, variables);
            if (tried != null && tried.messages().equals(fitted.messages())) {
                continue;
            }
            tried = fitted;
            try {
                RenderResult rendered =
                        template.render(context(fitted, variables, arguments), fitted.messages(), marked);
                return new Rendered(fitted.inOriginalTerms(rendered), fitted.changes());
            } catch (TemplateException e) {
                refused = refused == null ? e : refused;
                if (e.kind() == TemplateException.Kind.LIMIT) {
                    break;
                }
            } catch (IllegalArgumentException e) {
                throw new InvalidRequestException("templateArguments: " + e.getMessage(), e);
            }
        }
        if (refused.kind() == TemplateException.Kind.RAISED) {
            throw new InvalidRequestException(refused.words(), refused);
        }
        throw new InvalidRequestException(
                "the chat template cannot render these messages: " + refused.getMessage(), refused);
    }

    /** Calls do not become text that the model would imitate, and nobody could read. */
    private static List<Extent> extents(List<Map<String, Object>> tools, TemplateAbilities can) {
        boolean misleading =
                !tools.isEmpty() && can.refusesCalls() && !can.calls().canBeWritten();
        return misleading ? List.of(Extent.NEEDED, Extent.ALL) : List.of(Extent.NEEDED, Extent.ALL, Extent.CALLS_TOO);
    }

    /** Whether earlier calls can be said by the template of requests with tools only. */
    private boolean needsToolTemplate(List<Map<String, Object>> messages) {
        return sources.containsKey(TOOL_USE)
                && messages.stream()
                        .anyMatch(message -> message.containsKey("tool_calls") || "tool".equals(message.get("role")))
                && (abilities(false).calls().kind() == CallStyle.Kind.DROPPED
                        || !abilities(false).toolResults());
    }

    private static void checkArguments(Map<String, ?> arguments) {
        for (String name : arguments.keySet()) {
            if (name == null || RESERVED.contains(name)) {
                throw new InvalidRequestException("templateArguments (" + name
                        + ") must not name what comes from the request itself: messages, tools,"
                        + " add_generation_prompt");
            }
        }
    }

    TemplateAbilities abilities(boolean tools) {
        TemplateAbilities known = tools ? withTools : withoutTools;
        if (known == null) {
            Template template = templates.get(name(tools, false));
            known = TemplateAbilities.of(
                    variables -> {
                        Map<String, Object> context = new LinkedHashMap<>(specialTokens);
                        context.putAll(variables);
                        return template.render(context).text();
                    },
                    tools,
                    formats.get(name(tools, false)),
                    placeholder);
            if (tools) {
                withTools = known;
            } else {
                withoutTools = known;
            }
        }
        return known;
    }

    private static void checkExpressible(
            List<Map<String, Object>> messages, List<Map<String, Object>> tools, TemplateAbilities can) {
        if (!tools.isEmpty() && can.tools() == ToolPlace.NONE) {
            throw new UnsupportedFeatureException(
                    "tools are not supported by this model: its chat template has no place for them");
        }
        for (Map<String, Object> message : messages) {
            if (can.calls().kind() == CallStyle.Kind.DROPPED && message.containsKey("tool_calls")) {
                throw new UnsupportedFeatureException(
                        "tool calls in messages are not supported by this model: its chat template drops them");
            }
            if (!can.toolResults() && "tool".equals(message.get("role"))) {
                throw new UnsupportedFeatureException(
                        "tool results are not supported by this model: its chat template drops them");
            }
        }
    }

    /** A role of its own may be unknown to the template, which then drops the message. */
    private static void checkCustom(List<Map<String, Object>> messages, String text) {
        for (Map<String, Object> message : messages) {
            if (!COMMON_ROLES.contains(String.valueOf(message.get("role")))
                    && message.get("content") instanceof String content
                    && !text.contains(content.strip())) {
                throw new UnsupportedFeatureException("a message of role " + message.get("role")
                        + " is not supported by this model: its chat template drops it");
            }
        }
    }

    private Map<String, Object> context(
            FittedMessages fitted, Map<String, Object> variables, Map<String, ?> arguments) {
        Map<String, Object> context = new LinkedHashMap<>(specialTokens);
        context.put("messages", fitted.messages());
        context.put("add_generation_prompt", true);
        // Tools and documents are always defined, as with transformers.
        context.putAll(variables);
        context.put(DOCUMENTS, null);
        context.putAll(arguments);
        return context;
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

    private String name(boolean tools, boolean documents) {
        if (tools && sources.containsKey(TOOL_USE)) {
            return TOOL_USE;
        }
        if (documents && sources.containsKey(RAG)) {
            return RAG;
        }
        return sources.containsKey(TemplateFiles.DEFAULT)
                ? TemplateFiles.DEFAULT
                : sources.keySet().iterator().next();
    }
}
