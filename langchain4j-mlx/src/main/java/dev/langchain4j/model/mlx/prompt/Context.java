package dev.langchain4j.model.mlx.prompt;

import dev.langchain4j.agent.tool.ToolExecutionRequest;
import dev.langchain4j.data.message.AiMessage;
import dev.langchain4j.data.message.ChatMessage;
import dev.langchain4j.data.message.ToolExecutionResultMessage;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.List;

/** What came before an answer, as a digest of the messages; reasoning of earlier answers does not count. */
record Context(long high, long low) {

    /** The context of each message of a request, and of the answer to it: one more than there are messages. */
    static Context[] of(List<ChatMessage> messages) {
        MessageDigest digest = sha256();
        Context[] contexts = new Context[messages.size() + 1];
        for (int i = 0; i < messages.size(); i++) {
            contexts[i] = soFar(digest);
            add(digest, messages.get(i));
        }
        contexts[messages.size()] = soFar(digest);
        return contexts;
    }

    private static void add(MessageDigest digest, ChatMessage message) {
        add(digest, message.type().name());
        switch (message) {
            case AiMessage ai -> {
                add(digest, ai.text() == null ? "" : ai.text());
                for (ToolExecutionRequest call : ai.toolExecutionRequests()) {
                    add(digest, String.valueOf(call.id()));
                    add(digest, String.valueOf(call.name()));
                    add(digest, String.valueOf(call.arguments()));
                }
            }
            case ToolExecutionResultMessage result -> {
                add(digest, String.valueOf(result.id()));
                add(digest, String.valueOf(result.toolName()));
                add(digest, String.valueOf(result.contents()));
            }
            default -> add(digest, message.toString());
        }
    }

    /** With its length, so that no two lists of texts look the same. */
    private static void add(MessageDigest digest, String text) {
        byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
        digest.update(ByteBuffer.allocate(Integer.BYTES).putInt(0, bytes.length));
        digest.update(bytes);
    }

    private static Context soFar(MessageDigest digest) {
        try {
            ByteBuffer bytes = ByteBuffer.wrap(((MessageDigest) digest.clone()).digest());
            return new Context(bytes.getLong(), bytes.getLong());
        } catch (CloneNotSupportedException e) {
            throw new IllegalStateException("SHA-256 of this JVM cannot be cloned", e);
        }
    }

    private static MessageDigest sha256() {
        try {
            return MessageDigest.getInstance("SHA-256");
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException("every JVM has SHA-256", e);
        }
    }
}
