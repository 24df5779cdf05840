package dev.langchain4j.model.mlx.cache;

/** Memory IDs as bytes, so that conversations are known by them after a restart. */
public interface MemoryIdNames {

    /**
     * The name of a memory ID, the same in each run.
     *
     * @return null for an ID of a kind that has no such name; what belongs to it is not kept on disk then
     */
    byte[] name(Object id);

    /** The memory ID of this name, equal to the one that was named; null if the name is none. */
    Object id(byte[] name);
}
