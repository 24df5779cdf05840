package dev.langchain4j.model.mlx;

import dev.langchain4j.agent.tool.ToolExecutionRequest;
import dev.langchain4j.data.message.AiMessage;
import dev.langchain4j.data.message.ChatMessage;
import dev.langchain4j.data.message.ToolExecutionResultMessage;
import dev.langchain4j.model.chat.ChatModel;
import dev.langchain4j.model.chat.ChatRequestOptions;
import dev.langchain4j.model.chat.StreamingChatModel;
import dev.langchain4j.model.chat.request.ChatRequest;
import dev.langchain4j.model.chat.response.ChatResponse;
import dev.langchain4j.model.chat.response.StreamingChatResponseHandler;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CopyOnWriteArrayList;

/**
 * Models that ask for a tool twice if there is one, then answer "done"; they take the memory ID as the real ones do,
 * and record what each request brought, with the thread.
 */
final class CannedModels {
    private static final int TOOL_ROUNDS = 2;

    /** The memory ID of each request, as the calling thread saw it; empty if there was none. */
    final List<Optional<Object>> memoryIds = new CopyOnWriteArrayList<>();

    /** The memory ID of each request's parameters where the answer is made. */
    final List<Optional<Object>> attached = new CopyOnWriteArrayList<>();

    final List<Thread> callers = new CopyOnWriteArrayList<>();

    final ChatModel blocking = new ChatModel() {
        @Override
        public ChatResponse chat(ChatRequest request, ChatRequestOptions options) {
            return ChatModel.super.chat(called(request), options);
        }

        @Override
        public ChatResponse doChat(ChatRequest request) {
            return answer(request);
        }
    };

    final StreamingChatModel streaming = new StreamingChatModel() {
        @Override
        public void chat(ChatRequest request, ChatRequestOptions options, StreamingChatResponseHandler handler) {
            StreamingChatModel.super.chat(called(request), options, handler);
        }

        @Override
        public void doChat(ChatRequest request, StreamingChatResponseHandler handler) {
            Thread.ofPlatform().name("generation").start(() -> handler.onCompleteResponse(answer(request)));
        }
    };

    private ChatRequest called(ChatRequest request) {
        memoryIds.add(Optional.ofNullable(MemoryIds.memoryIdOf(request)));
        callers.add(Thread.currentThread());
        return MemoryIds.attach(request);
    }

    private ChatResponse answer(ChatRequest request) {
        attached.add(Optional.ofNullable(
                MlxChatRequestParameters.from(request.parameters()).memoryId()));
        int round = 0;
        for (ChatMessage message : request.messages()) {
            round += message instanceof ToolExecutionResultMessage ? 1 : 0;
        }
        AiMessage answer = request.toolSpecifications().isEmpty() || round >= TOOL_ROUNDS
                ? AiMessage.from("done")
                : AiMessage.from(ToolExecutionRequest.builder()
                        .id("call-" + round)
                        .name(request.toolSpecifications().getFirst().name())
                        .arguments("{}")
                        .build());
        return ChatResponse.builder().aiMessage(answer).build();
    }
}
