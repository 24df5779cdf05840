package dev.langchain4j.model.mlx.cache.disk;

/** The same damage to the files of a store that is encrypted. */
class DiskStoreSealedDamageTest extends DiskStoreDamageTest {
    private final Keys keys = new Keys();

    @Override
    Keys keys() {
        return keys;
    }
}
