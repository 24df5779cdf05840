package dev.langchain4j.model.mlx.samples.docs;

import dev.langchain4j.agentic.Agent;
import dev.langchain4j.data.message.ChatMessage;
import dev.langchain4j.data.segment.TextSegment;
import dev.langchain4j.model.chat.ChatModel;
import dev.langchain4j.model.chat.StreamingChatModel;
import dev.langchain4j.model.chat.request.ChatRequest;
import dev.langchain4j.model.chat.response.ChatResponse;
import dev.langchain4j.model.mlx.MlxEmbeddingModel;
import dev.langchain4j.model.mlx.MlxModel;
import dev.langchain4j.service.MemoryId;
import dev.langchain4j.service.UserMessage;
import dev.langchain4j.service.V;
import dev.langchain4j.store.memory.chat.ChatMemoryStore;
import io.micrometer.core.instrument.MeterRegistry;
import java.nio.file.Path;
import java.util.List;

/** The names that code blocks of the docs use without declaring them. Nothing of it is ever run. */
public class Prelude {
    protected MlxModel mlx;
    protected ChatModel chat;
    protected ChatModel model;
    protected StreamingChatModel streaming;
    protected ChatRequest request;
    protected ChatResponse response;
    protected ChatMemoryStore store;
    protected List<ChatMessage> messages;
    protected List<TextSegment> segments;
    protected Tools tools;
    protected MeterRegistry registry;
    protected MlxEmbeddingModel embeddings;
    protected String token;
    protected Object id;
    protected Path folder;

    /** An AI service. */
    protected interface Assistant {
        String chat(@MemoryId String user, @UserMessage String text);
    }

    /** An agent of a team. */
    public interface Forecaster {
        @Agent
        String weather(@MemoryId String traveller, @V("city") String city);
    }

    /** Its tools. */
    protected static class Tools {
        public Tools() {}
    }
}
