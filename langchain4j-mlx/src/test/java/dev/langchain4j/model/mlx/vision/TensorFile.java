package dev.langchain4j.model.mlx.vision;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/** A safetensors file as arrays. */
final class TensorFile {
    private final JsonNode header;
    private final ByteBuffer data;

    TensorFile(Path file) {
        try {
            ByteBuffer all = ByteBuffer.wrap(Files.readAllBytes(file)).order(ByteOrder.LITTLE_ENDIAN);
            byte[] json = new byte[(int) all.getLong()];
            all.get(json);
            header = new ObjectMapper().readTree(json);
            data = all.slice().order(ByteOrder.LITTLE_ENDIAN);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    List<String> names() {
        List<String> names = new ArrayList<>();
        header.fieldNames().forEachRemaining(names::add);
        names.remove("__metadata__");
        return names;
    }

    boolean has(String name) {
        return header.has(name);
    }

    int[] shape(String name) {
        JsonNode shape = header.get(name).get("shape");
        int[] sides = new int[shape.size()];
        for (int i = 0; i < sides.length; i++) {
            sides[i] = shape.get(i).asInt();
        }
        return sides;
    }

    byte[] bytes(String name) {
        ByteBuffer part = part(name);
        byte[] bytes = new byte[part.remaining()];
        part.get(bytes);
        return bytes;
    }

    int[] ints(String name) {
        ByteBuffer part = part(name);
        int[] numbers = new int[part.remaining() / Integer.BYTES];
        part.asIntBuffer().get(numbers);
        return numbers;
    }

    float[] floats(String name) {
        ByteBuffer part = part(name);
        float[] numbers = new float[part.remaining() / Float.BYTES];
        part.asFloatBuffer().get(numbers);
        return numbers;
    }

    private ByteBuffer part(String name) {
        JsonNode offsets = header.get(name).get("data_offsets");
        int start = offsets.get(0).asInt();
        return data.slice(start, offsets.get(1).asInt() - start).order(ByteOrder.LITTLE_ENDIAN);
    }
}
