package dev.langchain4j.model.mlx;

import dev.langchain4j.model.mlx.cache.MemoryIdNames;
import java.nio.charset.StandardCharsets;
import java.util.UUID;

/** Names of memory IDs that are texts, whole numbers or UUIDs, of AI services or by themselves. */
final class NamedMemoryIds implements MemoryIdNames {

    @Override
    public byte[] name(Object id) {
        String name = id instanceof MlxMemoryId of ? named(of.id(), "service " + of.service() + "\n") : named(id, "");
        return name == null ? null : name.getBytes(StandardCharsets.UTF_8);
    }

    private static String named(Object id, String before) {
        return switch (id) {
            case String text -> before + "text " + text;
            case Integer number -> before + "int " + number;
            case Long number -> before + "long " + number;
            case UUID uuid -> before + "uuid " + uuid;
            case null, default -> null;
        };
    }

    @Override
    public Object id(byte[] name) {
        String text = new String(name, StandardCharsets.UTF_8);
        if (!text.startsWith("service ")) {
            return plain(text);
        }
        int end = text.indexOf('\n');
        Object id = end < 0 ? null : plain(text.substring(end + 1));
        return id == null ? null : new MlxMemoryId(text.substring("service ".length(), end), id);
    }

    private static Object plain(String text) {
        int space = text.indexOf(' ');
        String value = text.substring(space + 1);
        try {
            return switch (text.substring(0, Math.max(0, space))) {
                case "text" -> value;
                case "int" -> Integer.valueOf(value);
                case "long" -> Long.valueOf(value);
                case "uuid" -> UUID.fromString(value);
                default -> null;
            };
        } catch (IllegalArgumentException e) {
            return null;
        }
    }
}
