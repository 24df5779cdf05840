package dev.langchain4j.model.mlx.hub;

import dev.langchain4j.exception.InvalidRequestException;
import java.io.IOException;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** The environment variables of huggingface_hub, with its defaults (its {@code constants.py} and {@code _auth.py}). */
record HubEnvironment(Map<String, String> variables, Path home) {
    private static final URI ENDPOINT = URI.create("https://huggingface.co");
    private static final Set<String> TRUE = Set.of("1", "ON", "YES", "TRUE");
    private static final Pattern VARIABLE = Pattern.compile("\\$(?:\\{(\\w+)}|(\\w+))");

    /** Of this process. */
    static HubEnvironment ofProcess() {
        return new HubEnvironment(System.getenv(), Path.of(System.getProperty("user.home")));
    }

    /** {@code HF_HUB_CACHE}, else {@code HF_HOME/hub}. */
    Path cacheFolder() {
        return path("HF_HUB_CACHE", path("HUGGINGFACE_HUB_CACHE", folder().resolve("hub")));
    }

    /** {@code HF_ENDPOINT}, else the public hub. */
    URI endpoint() {
        return has("HF_ENDPOINT") ? endpoint("HF_ENDPOINT", variables.get("HF_ENDPOINT")) : ENDPOINT;
    }

    /** {@code HF_HUB_OFFLINE} or {@code TRANSFORMERS_OFFLINE}. */
    boolean offline() {
        return flag(has("HF_HUB_OFFLINE") ? "HF_HUB_OFFLINE" : "TRANSFORMERS_OFFLINE");
    }

    /** {@code HF_TOKEN}, else the content of the file {@code HF_TOKEN_PATH}, else of {@code HF_HOME/token}; or null. */
    String token() {
        if (flag("HF_HUB_DISABLE_IMPLICIT_TOKEN")) {
            return null;
        }
        for (String name : new String[] {"HF_TOKEN", "HUGGING_FACE_HUB_TOKEN"}) {
            String token = clean(variables.get(name));
            if (token != null) {
                return token;
            }
        }
        Path file = tokenFile();
        try {
            return Files.isRegularFile(file) ? clean(Files.readString(file)) : null;
        } catch (IOException e) {
            throw new InvalidRequestException("cannot read the token file " + file + ": " + e, e);
        }
    }

    Path tokenFile() {
        return path("HF_TOKEN_PATH", folder().resolve("token"));
    }

    /** A URI that the hub may be reached at, without a slash at the end. */
    static URI endpoint(String name, String value) {
        try {
            URI uri = URI.create(value.strip().replaceAll("/+$", ""));
            boolean http = "http".equalsIgnoreCase(uri.getScheme()) || "https".equalsIgnoreCase(uri.getScheme());
            if (http
                    && uri.getHost() != null
                    && uri.getUserInfo() == null
                    && uri.getQuery() == null
                    && uri.getFragment() == null) {
                return uri;
            }
        } catch (IllegalArgumentException e) {
            // Falls through to the same message.
        }
        // What stands before an @ is a password, and would be in every message.
        String shown = value.contains("@") ? "not shown" : value;
        throw new InvalidRequestException(name + " (" + shown + ") must be an http or https address");
    }

    private Path folder() {
        Path caches = path("XDG_CACHE_HOME", home.resolve(".cache"));
        return path("HF_HOME", caches.resolve("huggingface"));
    }

    private boolean has(String name) {
        return variables.containsKey(name) && !variables.get(name).isBlank();
    }

    private boolean flag(String name) {
        return has(name) && TRUE.contains(variables.get(name).strip().toUpperCase(Locale.ROOT));
    }

    private Path path(String name, Path otherwise) {
        if (!has(name)) {
            return otherwise;
        }
        Matcher names = VARIABLE.matcher(variables.get(name));
        String value = names.replaceAll(m -> {
            String variable = m.group(1) != null ? m.group(1) : m.group(2);
            return Matcher.quoteReplacement(variables.getOrDefault(variable, m.group()));
        });
        return value.equals("~") || value.startsWith("~/")
                ? home.resolve(value.substring(1).replaceFirst("^/", ""))
                : Path.of(value);
    }

    /** Without the variables: one of them is the token. */
    @Override
    public String toString() {
        return "HubEnvironment[home=" + home + "]";
    }

    private static String clean(String token) {
        String text = token == null ? "" : token.strip();
        return text.isEmpty() ? null : text;
    }
}
