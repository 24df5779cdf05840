package dev.langchain4j.model.mlx.vision;

import dev.langchain4j.exception.NonRetriableException;
import java.io.IOException;
import java.net.URI;
import java.util.Locale;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.FutureTask;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;

/** Fetches the file behind an http or https URL, within an {@link ImageUrlRules application's rules}. */
final class ImageDownload {
    /** What fits into an array. */
    private static final long BYTES_MAX = Integer.MAX_VALUE - 16;

    private ImageDownload() {}

    /**
     * The content of the URL.
     *
     * @param bytesMax of the content
     * @throws IOException if it cannot be fetched or breaks a rule; the message is a clause about "it"
     * @throws NonRetriableException if the thread is interrupted meanwhile
     */
    static byte[] fetch(URI url, ImageUrlRules rules, long bytesMax) throws IOException {
        FutureTask<byte[]> task = new FutureTask<>(() -> follow(url, rules, Math.min(bytesMax, BYTES_MAX)));
        // an interrupt closes the socket of a virtual thread, wherever it waits
        Thread thread = Thread.ofVirtual().name("image download").start(task);
        try {
            return task.get(rules.timeout().toMillis(), TimeUnit.MILLISECONDS);
        } catch (TimeoutException e) {
            throw new IOException("it was not fetched within " + rules.timeout().toMillis() + " ms", e);
        } catch (ExecutionException e) {
            String reason = e.getCause().getMessage();
            throw new IOException("it was not fetched: " + (reason == null ? e.getCause() : reason), e.getCause());
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new NonRetriableException("interrupted while an image was fetched", e);
        } finally {
            thread.interrupt();
        }
    }

    private static byte[] follow(URI start, ImageUrlRules rules, long bytesMax) throws IOException {
        URI url = start;
        for (int redirects = 0; ; redirects++) {
            HttpAnswer answer = HttpAnswer.get(url, rules.privateAddresses(), bytesMax);
            if (answer.location() == null) {
                return answer.body();
            }
            if (redirects == rules.redirectsMax()) {
                throw new IOException("it has more than " + rules.redirectsMax() + " redirects");
            }
            URI next = url.resolve(answer.location());
            if (isSecure(url) && !isSecure(next)) {
                throw new IOException("a redirect must not lead from https to " + next.getScheme());
            }
            url = next;
        }
    }

    private static boolean isSecure(URI url) {
        return "https".equals(String.valueOf(url.getScheme()).toLowerCase(Locale.ROOT));
    }
}
