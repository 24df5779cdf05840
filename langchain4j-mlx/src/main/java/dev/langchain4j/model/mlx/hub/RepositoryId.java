package dev.langchain4j.model.mlx.hub;

import java.util.Optional;
import java.util.regex.Pattern;

/**
 * A repository of the hub and what of it is meant: a branch, a tag or a commit.
 *
 * @param repository {@code name} or {@code owner/name}
 */
record RepositoryId(String repository, String revision) {
    static final String RULE = "owner/name or owner/name@revision, of letters, digits, -, _ and .";
    private static final String DEFAULT_REVISION = "main";
    private static final int REPOSITORY_LENGTH_MAX = 96;
    private static final Pattern REPOSITORY =
            Pattern.compile("(?:[A-Za-z0-9_](?:[\\w.-]*\\w)?/)?[A-Za-z0-9_](?:[\\w.-]*\\w)?");
    private static final Pattern REVISION = Pattern.compile("[A-Za-z0-9_][\\w.+/-]{0,199}");
    private static final Pattern COMMIT = Pattern.compile("[0-9a-f]{40}");

    /** Reads {@code owner/name@revision}; empty if the text is not a repository id. */
    static Optional<RepositoryId> parse(String text) {
        int at = text.indexOf('@');
        String repository = at < 0 ? text : text.substring(0, at);
        String revision = at < 0 ? DEFAULT_REVISION : text.substring(at + 1);
        boolean valid = REPOSITORY.matcher(repository).matches()
                && repository.length() <= REPOSITORY_LENGTH_MAX
                && !repository.contains("--")
                && !repository.contains("..")
                && !repository.endsWith(".git")
                && REVISION.matcher(revision).matches()
                && !revision.contains("..")
                && !revision.contains("//")
                && !revision.endsWith("/");
        return valid ? Optional.of(new RepositoryId(repository, revision)) : Optional.empty();
    }

    static boolean isCommit(String revision) {
        return COMMIT.matcher(revision).matches();
    }

    boolean namesCommit() {
        return isCommit(revision);
    }

    /** Name of the repository's folder in the cache. */
    String folderName() {
        return "models--" + repository.replace("/", "--");
    }

    /** As a user writes it. */
    @Override
    public String toString() {
        return revision.equals(DEFAULT_REVISION) ? repository : repository + "@" + revision;
    }
}
