package dev.langchain4j.model.mlx;

import dev.langchain4j.model.mlx.vision.ImageUrlRules;
import java.time.Duration;

/**
 * The rules for images from http and https URLs, for {@code allowImageUrls} of the model's builder. Without it such
 * URLs are refused: otherwise the author of a message, a tool for instance, could make this process open connections.
 * Addresses that are not public (this machine, its network, a cloud's metadata service) are refused unless they are
 * allowed here; the connection goes to the address that was checked, again after each redirect. Proxies are not used.
 * Immutable.
 */
public final class MlxImageUrls {
    private static final long BYTES_MAX = 10L << 20;
    private static final int REDIRECTS_MAX = 20;

    private final ImageUrlRules rules;

    private MlxImageUrls(Builder builder) {
        rules = new ImageUrlRules(
                builder.maxBytes, builder.timeout, builder.maxRedirects, builder.allowPrivateAddresses);
    }

    /** With the defaults of {@link Builder}. */
    public static MlxImageUrls defaults() {
        return builder().build();
    }

    /** A builder with defaults. */
    public static Builder builder() {
        return new Builder();
    }

    ImageUrlRules rules() {
        return rules;
    }

    /** Builds {@link MlxImageUrls}. */
    public static final class Builder {
        private long maxBytes = BYTES_MAX;
        private Duration timeout = Duration.ofSeconds(10);
        private int maxRedirects = 3;
        private boolean allowPrivateAddresses;

        private Builder() {}

        /** Maximum size of an image in bytes. Default: 10 MiB. */
        public Builder maxBytes(long bytes) {
            this.maxBytes = bytes;
            return this;
        }

        /** Maximum time for an image, redirects included. Default: 10 seconds. */
        public Builder timeout(Duration timeout) {
            this.timeout = timeout;
            return this;
        }

        /** Maximum number of redirects, from 0 to 20. Default: 3. */
        public Builder maxRedirects(int redirects) {
            this.maxRedirects = redirects;
            return this;
        }

        /** Whether servers may have addresses that are not public. Default: false. */
        public Builder allowPrivateAddresses(boolean allow) {
            this.allowPrivateAddresses = allow;
            return this;
        }

        /**
         * Builds them.
         *
         * @throws IllegalArgumentException if a value is out of its range
         */
        public MlxImageUrls build() {
            if (maxBytes <= 0) {
                throw new IllegalArgumentException("maxBytes (" + maxBytes + ") must be positive");
            }
            if (timeout == null || timeout.isNegative() || timeout.toMillis() == 0) {
                throw new IllegalArgumentException("timeout (" + timeout + ") must be at least a millisecond");
            }
            if (maxRedirects < 0 || maxRedirects > REDIRECTS_MAX) {
                throw new IllegalArgumentException(
                        "maxRedirects (" + maxRedirects + ") must be from 0 to " + REDIRECTS_MAX);
            }
            return new MlxImageUrls(this);
        }
    }
}
