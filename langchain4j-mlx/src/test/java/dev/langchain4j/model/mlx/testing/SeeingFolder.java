package dev.langchain4j.model.mlx.testing;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.langchain4j.data.message.ChatMessage;
import dev.langchain4j.data.message.CustomMessage;
import dev.langchain4j.mlx.text.Tokenizer;
import dev.langchain4j.model.mlx.cache.Isolation;
import dev.langchain4j.model.mlx.model.ModelFolder;
import dev.langchain4j.model.mlx.parse.ToolSchemas;
import dev.langchain4j.model.mlx.prompt.ChatTemplate;
import dev.langchain4j.model.mlx.prompt.Prompt;
import dev.langchain4j.model.mlx.prompt.PromptLedger;
import dev.langchain4j.model.mlx.prompt.PromptRequest;
import dev.langchain4j.model.mlx.prompt.PromptWriter;
import dev.langchain4j.model.mlx.vision.ImageProcessor;
import dev.langchain4j.model.mlx.vision.ImageProcessors;
import dev.langchain4j.model.mlx.vision.PromptPictures.Picture;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;

/** What writes the prompts of a model that sees, without the model. */
public final class SeeingFolder implements AutoCloseable {
    private static final ObjectMapper JSON = new ObjectMapper();

    private final Tokenizer tokenizer;
    private final ChatTemplate template;
    private final ImageProcessor images;
    private final PromptWriter prompts;

    /** Reads a model folder. */
    public SeeingFolder(Path folder) {
        tokenizer = Tokenizer.fromFile(folder.resolve("tokenizer.json"));
        template = ChatTemplate.load(folder);
        images = ImageProcessors.of(folder, ModelFolder.config(folder)).orElseThrow();
        prompts = new PromptWriter(template, tokenizer, Set.of(), new PromptLedger(), images);
    }

    /** How the model's pictures are prepared. */
    public ImageProcessor images() {
        return images;
    }

    /** The prompt of messages as transformers has them, with lists of parts. */
    public Prompt write(JsonNode messages, List<Picture> pictures) {
        List<ChatMessage> all = new ArrayList<>();
        for (JsonNode message : messages) {
            @SuppressWarnings("unchecked")
            Map<String, Object> attributes = JSON.convertValue(message, Map.class);
            if (attributes.get("content") instanceof List<?> parts) {
                attributes.put(
                        "content", parts.stream().map(SeeingFolder::withoutFile).toList());
            }
            all.add(CustomMessage.from(attributes));
        }
        return prompts.write(new PromptRequest(
                all,
                List.of(),
                Map.of(),
                template.format(false, ToolSchemas.none()),
                null,
                Isolation.SHARED,
                false,
                pictures));
    }

    private static Object withoutFile(Object part) {
        return part instanceof Map<?, ?> map && "image".equals(map.get("type")) ? Map.of("type", "image") : part;
    }

    @Override
    public void close() {
        tokenizer.close();
    }
}
