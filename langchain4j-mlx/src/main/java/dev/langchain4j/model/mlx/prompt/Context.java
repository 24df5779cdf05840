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

    private static final Context NONE = new Context(0, 0);

    /** The context of each message of a request, and of the answer to it: one more than there are messages. */
    static Context[] of(List<KnownMessages.Known> messages) {
        Context[] contexts = new Context[messages.size() + 1];
        contexts[0] = NONE;
        for (int i = 0; i < messages.size(); i++) {
            contexts[i + 1] = messages.get(i).after(contexts[i]);
        }
        return contexts;
    }

    /** The context behind a message with this digest. */
    Context followedBy(byte[] message) {
        ByteBuffer both = ByteBuffer.allocate(2 * Long.BYTES + message.length)
                .putLong(high)
                .putLong(low)
                .put(message);
        ByteBuffer next = ByteBuffer.wrap(sha256().digest(both.array()));
        return new Context(next.getLong(), next.getLong());
    }

    /** Of what counts of a message. */
    static byte[] digest(ChatMessage message) {
        MessageDigest digest = sha256();
        add(digest, message);
        return digest.digest();
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

    private static MessageDigest sha256() {
        try {
            return MessageDigest.getInstance("SHA-256");
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException("every JVM has SHA-256", e);
        }
    }
}
