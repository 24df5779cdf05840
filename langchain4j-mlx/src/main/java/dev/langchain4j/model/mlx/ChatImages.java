package dev.langchain4j.model.mlx;

import dev.langchain4j.data.message.ChatMessage;
import dev.langchain4j.data.message.Content;
import dev.langchain4j.data.message.ImageContent;
import dev.langchain4j.data.message.ToolExecutionResultMessage;
import dev.langchain4j.data.message.UserMessage;
import dev.langchain4j.exception.InvalidRequestException;
import dev.langchain4j.mlx.image.ImageLimits;
import dev.langchain4j.model.mlx.cache.ConversationListener;
import dev.langchain4j.model.mlx.vision.ImageBudget;
import dev.langchain4j.model.mlx.vision.ImageFile;
import dev.langchain4j.model.mlx.vision.ImageKey;
import dev.langchain4j.model.mlx.vision.ImageProcessor;
import dev.langchain4j.model.mlx.vision.ImageSource;
import dev.langchain4j.model.mlx.vision.ProcessedImage;
import dev.langchain4j.model.mlx.vision.PromptPictures.Picture;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Predicate;

/**
 * The images of requests, ready for a model's tower: read, decoded and resized on the thread of the caller. The last
 * ones are kept, so that a conversation's earlier images are not decoded again in each round. Thread-safe.
 */
final class ChatImages implements ConversationListener {
    private static final long KEPT_BYTES_MAX = 128L << 20;

    /** A file's digest, and how much of it the model is to see. */
    private record Known(String sha256, ImageBudget budget) {}

    private final ImageProcessor processor;
    private final ImageSource source;
    private final ImageLimits limits;
    private final int imagesMax;
    /** Least recently used first. */
    private final Map<Known, Picture> kept = new LinkedHashMap<>(16, 0.75f, true);

    private long keptBytes;

    ChatImages(ImageProcessor processor, ImageSource source, ImageLimits limits, int imagesMax) {
        this.processor = processor;
        this.source = source;
        this.limits = limits;
        this.imagesMax = imagesMax;
    }

    /**
     * The images of messages, in order.
     *
     * @throws InvalidRequestException if there are too many, or one cannot be read; it is named
     */
    List<Picture> of(List<ChatMessage> messages) {
        List<ImageContent> images = contents(messages);
        if (images.size() > imagesMax) {
            throw new InvalidRequestException("messages (" + images.size() + " images) must have at most " + imagesMax
                    + ": raise maxImages, or shorten the conversation");
        }
        List<Picture> pictures = new ArrayList<>(images.size());
        for (ImageContent image : images) {
            pictures.add(picture(image, pictures.size()));
        }
        return pictures;
    }

    /** The images of messages, in the order in which a prompt has them. */
    static List<ImageContent> contents(List<ChatMessage> messages) {
        List<ImageContent> images = new ArrayList<>();
        for (ChatMessage message : messages) {
            List<Content> contents =
                    switch (message) {
                        case UserMessage user -> user.contents();
                        case ToolExecutionResultMessage result -> result.contents();
                        default -> List.of();
                    };
            for (Content content : contents) {
                if (content instanceof ImageContent image) {
                    images.add(image);
                }
            }
        }
        return images;
    }

    private Picture picture(ImageContent content, int index) {
        ImageFile file = source.read(content.image(), index);
        Known key = new Known(sha256(file.bytes()), ImageBudget.of(content.detailLevel()));
        synchronized (kept) {
            Picture known = kept.get(key);
            if (known != null) {
                return known;
            }
        }
        ProcessedImage image = file.process(processor, key.budget, limits);
        Picture made = new Picture(image, ImageKey.of(image));
        keep(key, made);
        return made;
    }

    private void keep(Known key, Picture made) {
        synchronized (kept) {
            Picture old = kept.put(key, made);
            keptBytes += bytes(made) - (old == null ? 0 : bytes(old));
            while (keptBytes > KEPT_BYTES_MAX) {
                Known eldest = kept.keySet().iterator().next();
                keptBytes -= bytes(kept.remove(eldest));
            }
        }
    }

    private static long bytes(Picture picture) {
        return (long) Float.BYTES * picture.image().pixels().length;
    }

    private static String sha256(byte[] bytes) {
        try {
            return HexFormat.of().formatHex(MessageDigest.getInstance("SHA-256").digest(bytes));
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException("every JVM has SHA-256", e);
        }
    }

    /** Drops all: whose an image is, is not known. */
    @Override
    public void evicted(Predicate<Object> conversations) {
        synchronized (kept) {
            kept.clear();
            keptBytes = 0;
        }
    }
}
