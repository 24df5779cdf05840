package dev.langchain4j.model.mlx.ranks;

import dev.langchain4j.exception.InternalServerException;
import dev.langchain4j.mlx.RankGroup;

/** A rank is gone, does not answer, or does something else than the others. */
public final class RankLostException extends InternalServerException {
    /** Of ranks that had joined each other. */
    RankLostException(String message) {
        this(message, RankGroup.canForget());
    }

    /**
     * Says what to do, too.
     *
     * @param again whether processes that are left can be ranks again
     */
    RankLostException(String message, boolean again) {
        super(message + ". The ranks of this model cannot continue: "
                + (again
                        ? "close it, then build and serve it again on all of them"
                        : "start all of their processes again"));
    }
}
