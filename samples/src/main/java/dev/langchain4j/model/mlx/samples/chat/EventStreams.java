package dev.langchain4j.model.mlx.samples.chat;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;

/** The open pages, each with a queue of its own, so that a slow one holds nobody up. Thread-safe. */
final class EventStreams implements AutoCloseable {
    private static final ObjectMapper JSON = new ObjectMapper();
    /** A page that is further behind is cut off; it comes back by itself and begins anew. */
    private static final int EVENTS_BEHIND_MAX = 10_000;

    private static final long HEARTBEAT_MILLIS = 5_000;
    /** Wakes a stream up to see that it was closed. */
    private static final String LAST = "{\"type\":\"end\"}";

    private final Set<BlockingQueue<String>> queues = ConcurrentHashMap.newKeySet();

    /** Begins a stream with an event; what is published from now on follows. */
    BlockingQueue<String> open(Map<String, Object> first) {
        BlockingQueue<String> queue = new LinkedBlockingQueue<>(EVENTS_BEHIND_MAX);
        queue.add(json(first));
        queues.add(queue);
        return queue;
    }

    /**
     * Writes a stream as server-sent events until the page leaves or the streams are closed. Blocks: it is called on a
     * virtual thread of the page.
     */
    void write(BlockingQueue<String> queue, OutputStream page) throws InterruptedException {
        try {
            while (queues.contains(queue)) {
                String event = queue.poll(HEARTBEAT_MILLIS, TimeUnit.MILLISECONDS);
                String line = event == null ? ": here\n\n" : "data: " + event + "\n\n";
                page.write(line.getBytes(StandardCharsets.UTF_8));
                page.flush();
            }
        } catch (IOException e) {
            // The page left: nobody is there to be told.
        } finally {
            queues.remove(queue);
        }
    }

    void publish(Map<String, Object> event) {
        String json = json(event);
        queues.removeIf(queue -> !queue.offer(json));
    }

    @Override
    public void close() {
        queues.forEach(queue -> queue.offer(LAST));
        queues.clear();
    }

    private static String json(Map<String, Object> event) {
        try {
            return JSON.writeValueAsString(event);
        } catch (JsonProcessingException e) {
            throw new IllegalStateException("cannot write " + event, e);
        }
    }
}
