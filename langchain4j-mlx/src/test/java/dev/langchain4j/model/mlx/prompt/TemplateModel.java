package dev.langchain4j.model.mlx.prompt;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.langchain4j.agent.tool.ToolExecutionRequest;
import dev.langchain4j.agent.tool.ToolSpecification;
import dev.langchain4j.data.message.AiMessage;
import dev.langchain4j.data.message.ChatMessage;
import dev.langchain4j.data.message.UserMessage;
import dev.langchain4j.internal.JsonSchemaElementUtils;
import dev.langchain4j.mlx.text.Tokenizer;
import dev.langchain4j.model.mlx.cache.Isolation;
import dev.langchain4j.model.mlx.calls.OutputFormat;
import dev.langchain4j.model.mlx.jinja.common.RenderResult;
import dev.langchain4j.model.mlx.parse.OutputParser;
import dev.langchain4j.model.mlx.parse.OutputSink;
import dev.langchain4j.model.mlx.parse.ToolSchemas;
import dev.langchain4j.model.mlx.testing.DemoModel;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** All of a model but its weights: a chat template, a tokenizer that knows its special tokens, and what ends a turn. */
final class TemplateModel implements AutoCloseable {
    private static final ObjectMapper JSON = new ObjectMapper();
    private static final Pattern SPECIAL = Pattern.compile(
            "<\\|[^<>|\\s]{1,40}\\|>|<｜[^<>｜\\s]{1,40}｜>|\\[/?[A-Z_]{3,20}\\]|</?s>|<(?:start|end)_of_turn>|<turn\\|>|<\\|turn>"
                    + "|\\[e~\\[|<SPECIAL_\\d+>|<end_of_utterance>|\\[\\|[a-z]+\\|\\]|</?assistant>|<\\|tool_response>|<seed:eos>");
    private static final List<String> WORDS = List.of("<think>", "</think>", "<tool_call>", "</tool_call>");
    private static final List<String> ENDS = List.of(
            "<|im_end|>",
            "<|eot_id|>",
            "<|eom_id|>",
            "<|eot|>",
            "</s>",
            "<end_of_turn>",
            "<｜end▁of▁sentence｜>",
            "<|end|>",
            "<|call|>",
            "<|return|>",
            "<|END_OF_TURN_TOKEN|>",
            "<|end_of_text|>",
            "<|endoftext|>",
            "<|end_of_turn|>",
            "<|eos|>",
            "<turn|>",
            "<|tool_response>",
            "[e~[",
            "<SPECIAL_12>",
            "<end_of_utterance>",
            "[|endofturn|]",
            "</assistant>",
            "<|stop|>",
            "<seed:eos>",
            "<|EOT|>",
            "<|role_end|>",
            "<|observation|>",
            "<|user|>");

    final Tokenizer tokenizer;
    final ChatTemplate template;
    final Set<Integer> ends = new LinkedHashSet<>();
    private final Map<String, Integer> endIds = new LinkedHashMap<>();

    TemplateModel(String source, Path folder) throws IOException {
        ObjectNode json = (ObjectNode)
                JSON.readTree(DemoModel.folder().resolve("tokenizer.json").toFile());
        ArrayNode added = (ArrayNode) json.get("added_tokens");
        Set<String> known = new LinkedHashSet<>();
        added.forEach(token -> known.add(token.get("content").asText()));
        int next = 2048;
        for (JsonNode token : added) {
            next = Math.max(next, token.get("id").asInt() + 1);
        }
        Set<String> special = new LinkedHashSet<>(List.of("<s>", "</s>"));
        Matcher matcher = SPECIAL.matcher(source);
        while (matcher.find()) {
            special.add(matcher.group());
        }
        for (String text : special) {
            next = add(added, text, true, known, next);
        }
        for (String text : WORDS) {
            next = add(added, text, false, known, next);
        }
        tokenizer = Tokenizer.fromJson(json.toString());
        for (String end : ENDS) {
            tokenizer.id(end).ifPresent(id -> {
                ends.add(id);
                endIds.put(end, id);
            });
        }
        Files.writeString(folder.resolve("chat_template.jinja"), source);
        Files.writeString(folder.resolve("tokenizer_config.json"), "{\"bos_token\": \"<s>\", \"eos_token\": \"</s>\"}");
        template = ChatTemplate.load(folder);
    }

    private static int add(ArrayNode added, String text, boolean special, Set<String> known, int id) {
        if (!known.add(text)) {
            return id;
        }
        added.addObject()
                .put("id", id)
                .put("content", text)
                .put("single_word", false)
                .put("lstrip", false)
                .put("rstrip", false)
                .put("normalized", false)
                .put("special", special);
        return id + 1;
    }

    /** Whether the template shows several calls of one message; else each gets a message of its own. */
    boolean showsCallsAtOnce() {
        return template.abilities(true).calls().several();
    }

    PromptWriter writer(PromptLedger ledger) {
        return new PromptWriter(template, tokenizer, ends, ledger);
    }

    OutputFormat format(List<ToolSpecification> tools) {
        Map<String, JsonNode> schemas = new HashMap<>();
        for (ToolSpecification tool : tools) {
            schemas.put(tool.name(), JSON.valueToTree(JsonSchemaElementUtils.toMap(tool.parameters())));
        }
        return OutputFormat.detect(template.source(!tools.isEmpty()), ToolSchemas.of(schemas));
    }

    PromptRequest request(List<ChatMessage> messages, List<ToolSpecification> tools, Boolean think) {
        return new PromptRequest(
                messages, tools, ChatTemplate.arguments(think, Map.of()), format(tools), "ann", Isolation.SHARED);
    }

    /** What the template alone renders. */
    RenderResult rendered(List<ChatMessage> messages, List<ToolSpecification> tools, Boolean think) {
        return template.render(
                MessageMapper.map(messages), ToolMapper.map(tools), ChatTemplate.arguments(think, Map.of()));
    }

    /**
     * Where a turn ends that begins at {@code start}, and with which token: the first end token behind {@code from}.
     */
    record End(int position, String text) {}

    End end(String text, int from) {
        End first = null;
        for (String end : endIds.keySet()) {
            int at = text.indexOf(end, from);
            if (at >= 0 && (first == null || at < first.position)) {
                first = new End(at, end);
            }
        }
        return first;
    }

    /** A token that ends a turn. */
    String anyEnd() {
        return endIds.keySet().iterator().next();
    }

    int id(String special) {
        return tokenizer.id(special).orElseThrow();
    }

    /** Tokens that spell a text in other pieces than the tokenizer would. */
    int[] raggedTokens(String text, Random random) {
        List<Integer> ids = new ArrayList<>();
        int from = 0;
        while (from < text.length()) {
            int to = Math.min(text.length(), from + 1 + random.nextInt(12));
            if (to < text.length() && Character.isLowSurrogate(text.charAt(to))) {
                to++;
            }
            for (String whole : WORDS) {
                int at = text.indexOf(whole, from);
                if (at == from) {
                    to = from + whole.length();
                } else if (at > from) {
                    to = Math.min(to, at);
                }
            }
            Matcher special = SPECIAL.matcher(text).region(from, text.length());
            if (special.find()) {
                to = special.start() == from ? special.end() : Math.min(to, special.start());
            }
            for (int id : tokenizer.encode(text.substring(from, to), false)) {
                ids.add(id);
            }
            from = to;
        }
        return ids.stream().mapToInt(Integer::intValue).toArray();
    }

    /** The message that an application gets for an output. */
    AiMessage read(String output, String prompt, OutputFormat format, boolean returnThinking) {
        StringBuilder text = new StringBuilder();
        StringBuilder thinking = new StringBuilder();
        List<ToolExecutionRequest> calls = new ArrayList<>();
        OutputSink sink = new OutputSink() {
            @Override
            public void text(String piece) {
                text.append(piece);
            }

            @Override
            public void thinking(String piece) {
                thinking.append(piece);
            }

            @Override
            public void partialToolCall(int index, String id, String name, String argumentsPiece) {}

            @Override
            public void toolCall(int index, String id, String name, String arguments) {
                calls.add(ToolExecutionRequest.builder()
                        .id(id)
                        .name(name)
                        .arguments(arguments)
                        .build());
            }
        };
        OutputParser parser =
                format.parser(sink, format.reasoning().opensIn(prompt)).build();
        parser.accept(output);
        parser.finish();
        AiMessage.Builder message = AiMessage.builder().toolExecutionRequests(calls);
        if (!text.isEmpty()) {
            message.text(text.toString());
        }
        if (!thinking.isEmpty() && returnThinking) {
            message.thinking(thinking.toString());
        }
        return message.build();
    }

    @Override
    public void close() {
        tokenizer.close();
    }

    static ChatMessage user(String text) {
        return UserMessage.from(text);
    }
}
