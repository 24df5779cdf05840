package dev.langchain4j.model.mlx.hub;

import dev.langchain4j.exception.AuthenticationException;
import dev.langchain4j.exception.InternalServerException;
import dev.langchain4j.exception.InvalidRequestException;
import dev.langchain4j.exception.LangChain4jException;
import dev.langchain4j.exception.ModelNotFoundException;
import dev.langchain4j.exception.RateLimitException;
import dev.langchain4j.exception.TimeoutException;

/** What the hub's refusals mean, and what helps. */
final class HubErrors {
    private static final int MESSAGE_LENGTH_MAX = 200;

    private HubErrors() {}

    /** The hub's own words in an answer, with a colon before them; empty if there are none. */
    static String serverMessage(HubSettings settings, HubHttp.Answer answer) {
        String message = answer.header("X-Error-Message");
        if (message == null || message.isBlank()) {
            return "";
        }
        String line =
                settings.withoutToken(message).replaceAll("\\p{Cntrl}+", " ").strip();
        return ": " + line.substring(0, Math.min(line.length(), MESSAGE_LENGTH_MAX));
    }

    /** Signatures are secrets and in queries. */
    static String withoutQuery(Object address) {
        String text = address.toString();
        int query = text.indexOf('?');
        return query < 0 ? text : text.substring(0, query);
    }

    /** The same failure, with the places before it that were looked in. */
    static LangChain4jException prefixed(String places, LangChain4jException e) {
        String message = places + e.getMessage();
        return switch (e) {
            case ModelNotFoundException m -> new ModelNotFoundException(message, e);
            case AuthenticationException m -> new AuthenticationException(message, e);
            case InvalidRequestException m -> new InvalidRequestException(message, e);
            case RateLimitException m -> new RateLimitException(message, e);
            case TimeoutException m -> new TimeoutException(message, e);
            default -> new InternalServerException(message, e);
        };
    }

    /** The exception for a status that another attempt would not mend. */
    static LangChain4jException refusal(HubSettings settings, RepositoryId id, HubHttp.Answer answer, String said) {
        String code = answer.header("X-Error-Code") == null ? "" : answer.header("X-Error-Code");
        String page = settings.endpoint() + "/" + id.repository();
        String login = settings.token() == null
                ? "set HF_TOKEN to a token that may read it, or run: hf auth login"
                : "use a token that may read it: the current one may not";
        boolean badToken = answer.status() == 401
                && settings.token() != null
                && serverMessage(settings, answer).contains("credentials");
        if (answer.status() == 407) {
            return new AuthenticationException("the proxy requires a user and a password ("
                    + answer.header("Proxy-Authenticate") + "): set HTTPS_PROXY to"
                    + " http://user:password@host:port, as only Basic authentication is supported. If it is"
                    + " set, the process used Java's HTTP client before:"
                    + " start it with -Djdk.http.auth.tunneling.disabledSchemes= (" + said + ")");
        }
        if (code.equals("GatedRepo")) {
            return new AuthenticationException("the repository " + id.repository()
                    + " is gated: accept its conditions at " + page + ", then " + login + " (" + said + ")");
        }
        if (code.equals("RevisionNotFound")) {
            return new ModelNotFoundException("the repository " + id.repository() + " has no revision " + id.revision()
                    + ": see " + page + "/tree/main (" + said + ")");
        }
        if (code.equals("EntryNotFound")) {
            return new ModelNotFoundException(
                    "the repository " + id + " no longer has a file that it listed (" + said + ")");
        }
        if (badToken || answer.status() == 403) {
            return new AuthenticationException("the hub denies access to " + id + ": " + login + " (" + said + ")");
        }
        if (answer.status() == 401 || answer.status() == 404) {
            return new ModelNotFoundException(
                    "the hub has no repository " + id.repository() + ", or it is private: check the" + " name at "
                            + page + "; if it is private, " + login + " (" + said + ")");
        }
        return new InvalidRequestException("the hub rejects the request for " + id + " (" + said + ")");
    }
}
