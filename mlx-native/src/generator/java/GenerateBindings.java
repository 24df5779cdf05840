import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Writes {@code MlxC.java} from {@code bindings.txt}. Run in mlx-native: {@code java src/generator/java/GenerateBindings.java}.
 *
 * <p>Every handle of mlx-c is a struct of one pointer, which travels by value like that pointer, so handles and pointers
 * are {@code long}. An optional number is a struct of eight bytes that travels in one integer register, so it is a
 * {@code long} too (see Optionals).
 */
final class GenerateBindings {
    private static final Path SOURCE = Path.of("bindings.txt");
    private static final Path TARGET = Path.of("src/main/java/dev/langchain4j/mlx/ffi/MlxC.java");
    private static final Pattern PROTOTYPE = Pattern.compile("(.+?[ *])(_?mlx_\\w+)\\((.*)\\);");
    private static final Set<String> INTS = Set.of("int", "mlx_dtype", "mlx_device_type");

    public static void main(String[] args) throws IOException {
        String source = Files.readString(SOURCE);
        StringBuilder out = new StringBuilder(header(sha256(source)));
        int functions = 0;
        for (String line : source.lines().toList()) {
            if (line.isBlank() || line.startsWith("#")) {
                continue;
            }
            out.append(function(line));
            functions++;
        }
        out.append("}\n");
        Files.writeString(TARGET, out);
        System.out.println(TARGET + ": " + functions + " functions");
    }

    private static String header(String checksum) {
        return """
                // Generated from bindings.txt by GenerateBindings.java; do not edit.
                // bindings.txt sha256 %s
                package dev.langchain4j.mlx.ffi;

                import java.lang.invoke.MethodHandle;

                /** The functions of mlx-c that we call: lazily linked, handles and pointers as {@code long}. */
                @SuppressWarnings({"MissingJavadoc", "checkstyle:all"})
                public final class MlxC {
                    private MlxC() {}
                """
                .formatted(checksum);
    }

    private static String function(String prototype) {
        Matcher m = PROTOTYPE.matcher(prototype);
        if (!m.matches()) {
            throw new IllegalArgumentException("not a prototype of mlx-c: " + prototype);
        }
        String result = javaType(m.group(1).strip());
        String name = m.group(2);
        List<String> types = new ArrayList<>();
        List<String> names = new ArrayList<>();
        for (String parameter : parameters(m.group(3))) {
            types.add(javaType(parameterType(parameter)));
            names.add(parameterName(parameter));
        }
        StringBuilder declared = new StringBuilder();
        StringBuilder shape = new StringBuilder();
        for (int i = 0; i < types.size(); i++) {
            declared.append(i == 0 ? "" : ", ").append(types.get(i)).append(' ').append(names.get(i));
            shape.append(letter(types.get(i)));
        }
        shape.append(')').append(letter(result));
        String call = "Link_" + name + ".HANDLE.invokeExact(" + String.join(", ", names) + ")";
        String statement = result.equals("void") ? call + ";" : "return (" + result + ") " + call + ";";
        return """

                    public static %1$s %2$s(%3$s) {
                        try {
                            %4$s
                        } catch (Throwable e) {
                            throw Downcall.failed("%2$s", e);
                        }
                    }

                    private static final class Link_%2$s {
                        static final MethodHandle HANDLE = Downcall.link("%2$s", "%5$s");
                    }
                """
                .formatted(result, name, declared, statement, shape);
    }

    /** Splits at commas that are outside of parentheses, for function pointers have some inside. */
    private static List<String> parameters(String list) {
        List<String> parts = new ArrayList<>();
        int depth = 0;
        int start = 0;
        for (int i = 0; i < list.length(); i++) {
            char c = list.charAt(i);
            depth += c == '(' ? 1 : c == ')' ? -1 : 0;
            if (c == ',' && depth == 0) {
                parts.add(list.substring(start, i).strip());
                start = i + 1;
            }
        }
        parts.add(list.substring(start).strip());
        return parts.equals(List.of("void")) ? List.of() : parts;
    }

    private static String parameterType(String parameter) {
        int nameLength = parameterName(parameter).length();
        return parameter.contains("(*") ? "pointer*" : parameter.substring(0, parameter.length() - nameLength).strip();
    }

    private static String parameterName(String parameter) {
        Matcher functionPointer = Pattern.compile("\\(\\*(\\w+)\\)").matcher(parameter);
        if (functionPointer.find()) {
            return functionPointer.group(1);
        }
        Matcher m = Pattern.compile("(\\w+)$").matcher(parameter);
        if (!m.find()) {
            throw new IllegalArgumentException("a parameter without a name: " + parameter);
        }
        return m.group(1);
    }

    private static String javaType(String c) {
        String type = c.replace("const ", "").strip();
        if (type.endsWith("*")) {
            return "long";
        }
        if (INTS.contains(type)) {
            return "int";
        }
        return switch (type) {
            case "void" -> "void";
            case "bool" -> "boolean";
            case "float" -> "float";
            case "double" -> "double";
            case "size_t", "uint64_t", "int64_t", "mlx_error_handler_func" -> "long";
            case "mlx_optional_int", "mlx_optional_float", "mlx_optional_dtype" -> "long";
            case "mlx_string", "mlx_device", "mlx_device_info", "mlx_stream", "mlx_array", "mlx_vector_array" -> "long";
            case "mlx_vector_string", "mlx_map_string_to_array", "mlx_map_string_to_string" -> "long";
            case "mlx_fast_metal_kernel", "mlx_fast_metal_kernel_config", "mlx_distributed_group" -> "long";
            default -> throw new IllegalArgumentException("a C type without a rule: " + c);
        };
    }

    private static char letter(String javaType) {
        return switch (javaType) {
            case "int" -> 'I';
            case "boolean" -> 'Z';
            case "float" -> 'F';
            case "double" -> 'D';
            case "void" -> 'V';
            default -> 'J';
        };
    }

    private static String sha256(String text) {
        try {
            byte[] digest = MessageDigest.getInstance("SHA-256").digest(text.getBytes(StandardCharsets.UTF_8));
            return HexFormat.of().formatHex(digest);
        } catch (java.security.NoSuchAlgorithmException e) {
            throw new IllegalStateException(e);
        }
    }
}
