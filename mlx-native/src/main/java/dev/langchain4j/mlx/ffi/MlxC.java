// Generated from bindings.txt by GenerateBindings.java; do not edit.
// bindings.txt sha256 33a494bbb74821a2c869c3602cfb66990fa9e81bf51397a763fc03820d9c3534
package dev.langchain4j.mlx.ffi;

import java.lang.invoke.MethodHandle;

/** The functions of mlx-c that we call: lazily linked, handles and pointers as {@code long}. */
@SuppressWarnings({"MissingJavadoc", "checkstyle:all"})
public final class MlxC {
    private MlxC() {}

    public static void mlx_set_error_handler(long handler, long data, long dtor) {
        try {
            Link_mlx_set_error_handler.HANDLE.invokeExact(handler, data, dtor);
        } catch (Throwable e) {
            throw Downcall.failed("mlx_set_error_handler", e);
        }
    }

    private static final class Link_mlx_set_error_handler {
        static final MethodHandle HANDLE = Downcall.link("mlx_set_error_handler", "JJJ)V");
    }

    public static int mlx_version(long str_) {
        try {
            return (int) Link_mlx_version.HANDLE.invokeExact(str_);
        } catch (Throwable e) {
            throw Downcall.failed("mlx_version", e);
        }
    }

    private static final class Link_mlx_version {
        static final MethodHandle HANDLE = Downcall.link("mlx_version", "J)I");
    }

    public static long mlx_string_new() {
        try {
            return (long) Link_mlx_string_new.HANDLE.invokeExact();
        } catch (Throwable e) {
            throw Downcall.failed("mlx_string_new", e);
        }
    }

    private static final class Link_mlx_string_new {
        static final MethodHandle HANDLE = Downcall.link("mlx_string_new", ")J");
    }

    public static long mlx_string_data(long str) {
        try {
            return (long) Link_mlx_string_data.HANDLE.invokeExact(str);
        } catch (Throwable e) {
            throw Downcall.failed("mlx_string_data", e);
        }
    }

    private static final class Link_mlx_string_data {
        static final MethodHandle HANDLE = Downcall.link("mlx_string_data", "J)J");
    }

    public static int mlx_string_free(long str) {
        try {
            return (int) Link_mlx_string_free.HANDLE.invokeExact(str);
        } catch (Throwable e) {
            throw Downcall.failed("mlx_string_free", e);
        }
    }

    private static final class Link_mlx_string_free {
        static final MethodHandle HANDLE = Downcall.link("mlx_string_free", "J)I");
    }

    public static long mlx_device_new_type(int type, int index) {
        try {
            return (long) Link_mlx_device_new_type.HANDLE.invokeExact(type, index);
        } catch (Throwable e) {
            throw Downcall.failed("mlx_device_new_type", e);
        }
    }

    private static final class Link_mlx_device_new_type {
        static final MethodHandle HANDLE = Downcall.link("mlx_device_new_type", "II)J");
    }

    public static int mlx_device_free(long dev) {
        try {
            return (int) Link_mlx_device_free.HANDLE.invokeExact(dev);
        } catch (Throwable e) {
            throw Downcall.failed("mlx_device_free", e);
        }
    }

    private static final class Link_mlx_device_free {
        static final MethodHandle HANDLE = Downcall.link("mlx_device_free", "J)I");
    }

    public static int mlx_device_is_available(long avail, long dev) {
        try {
            return (int) Link_mlx_device_is_available.HANDLE.invokeExact(avail, dev);
        } catch (Throwable e) {
            throw Downcall.failed("mlx_device_is_available", e);
        }
    }

    private static final class Link_mlx_device_is_available {
        static final MethodHandle HANDLE = Downcall.link("mlx_device_is_available", "JJ)I");
    }

    public static long mlx_device_info_new() {
        try {
            return (long) Link_mlx_device_info_new.HANDLE.invokeExact();
        } catch (Throwable e) {
            throw Downcall.failed("mlx_device_info_new", e);
        }
    }

    private static final class Link_mlx_device_info_new {
        static final MethodHandle HANDLE = Downcall.link("mlx_device_info_new", ")J");
    }

    public static int mlx_device_info_get(long info, long dev) {
        try {
            return (int) Link_mlx_device_info_get.HANDLE.invokeExact(info, dev);
        } catch (Throwable e) {
            throw Downcall.failed("mlx_device_info_get", e);
        }
    }

    private static final class Link_mlx_device_info_get {
        static final MethodHandle HANDLE = Downcall.link("mlx_device_info_get", "JJ)I");
    }

    public static int mlx_device_info_get_size(long value, long info, long key) {
        try {
            return (int) Link_mlx_device_info_get_size.HANDLE.invokeExact(value, info, key);
        } catch (Throwable e) {
            throw Downcall.failed("mlx_device_info_get_size", e);
        }
    }

    private static final class Link_mlx_device_info_get_size {
        static final MethodHandle HANDLE = Downcall.link("mlx_device_info_get_size", "JJJ)I");
    }

    public static int mlx_device_info_free(long info) {
        try {
            return (int) Link_mlx_device_info_free.HANDLE.invokeExact(info);
        } catch (Throwable e) {
            throw Downcall.failed("mlx_device_info_free", e);
        }
    }

    private static final class Link_mlx_device_info_free {
        static final MethodHandle HANDLE = Downcall.link("mlx_device_info_free", "J)I");
    }

    public static long mlx_stream_new_device(long dev) {
        try {
            return (long) Link_mlx_stream_new_device.HANDLE.invokeExact(dev);
        } catch (Throwable e) {
            throw Downcall.failed("mlx_stream_new_device", e);
        }
    }

    private static final class Link_mlx_stream_new_device {
        static final MethodHandle HANDLE = Downcall.link("mlx_stream_new_device", "J)J");
    }

    public static int mlx_stream_free(long stream) {
        try {
            return (int) Link_mlx_stream_free.HANDLE.invokeExact(stream);
        } catch (Throwable e) {
            throw Downcall.failed("mlx_stream_free", e);
        }
    }

    private static final class Link_mlx_stream_free {
        static final MethodHandle HANDLE = Downcall.link("mlx_stream_free", "J)I");
    }

    public static int mlx_set_default_stream(long stream) {
        try {
            return (int) Link_mlx_set_default_stream.HANDLE.invokeExact(stream);
        } catch (Throwable e) {
            throw Downcall.failed("mlx_set_default_stream", e);
        }
    }

    private static final class Link_mlx_set_default_stream {
        static final MethodHandle HANDLE = Downcall.link("mlx_set_default_stream", "J)I");
    }

    public static int mlx_synchronize(long stream) {
        try {
            return (int) Link_mlx_synchronize.HANDLE.invokeExact(stream);
        } catch (Throwable e) {
            throw Downcall.failed("mlx_synchronize", e);
        }
    }

    private static final class Link_mlx_synchronize {
        static final MethodHandle HANDLE = Downcall.link("mlx_synchronize", "J)I");
    }

    public static int mlx_clear_streams() {
        try {
            return (int) Link_mlx_clear_streams.HANDLE.invokeExact();
        } catch (Throwable e) {
            throw Downcall.failed("mlx_clear_streams", e);
        }
    }

    private static final class Link_mlx_clear_streams {
        static final MethodHandle HANDLE = Downcall.link("mlx_clear_streams", ")I");
    }

    public static int mlx_clear_cache() {
        try {
            return (int) Link_mlx_clear_cache.HANDLE.invokeExact();
        } catch (Throwable e) {
            throw Downcall.failed("mlx_clear_cache", e);
        }
    }

    private static final class Link_mlx_clear_cache {
        static final MethodHandle HANDLE = Downcall.link("mlx_clear_cache", ")I");
    }

    public static int mlx_get_active_memory(long res) {
        try {
            return (int) Link_mlx_get_active_memory.HANDLE.invokeExact(res);
        } catch (Throwable e) {
            throw Downcall.failed("mlx_get_active_memory", e);
        }
    }

    private static final class Link_mlx_get_active_memory {
        static final MethodHandle HANDLE = Downcall.link("mlx_get_active_memory", "J)I");
    }

    public static int mlx_get_cache_memory(long res) {
        try {
            return (int) Link_mlx_get_cache_memory.HANDLE.invokeExact(res);
        } catch (Throwable e) {
            throw Downcall.failed("mlx_get_cache_memory", e);
        }
    }

    private static final class Link_mlx_get_cache_memory {
        static final MethodHandle HANDLE = Downcall.link("mlx_get_cache_memory", "J)I");
    }

    public static int mlx_get_memory_limit(long res) {
        try {
            return (int) Link_mlx_get_memory_limit.HANDLE.invokeExact(res);
        } catch (Throwable e) {
            throw Downcall.failed("mlx_get_memory_limit", e);
        }
    }

    private static final class Link_mlx_get_memory_limit {
        static final MethodHandle HANDLE = Downcall.link("mlx_get_memory_limit", "J)I");
    }

    public static int mlx_get_peak_memory(long res) {
        try {
            return (int) Link_mlx_get_peak_memory.HANDLE.invokeExact(res);
        } catch (Throwable e) {
            throw Downcall.failed("mlx_get_peak_memory", e);
        }
    }

    private static final class Link_mlx_get_peak_memory {
        static final MethodHandle HANDLE = Downcall.link("mlx_get_peak_memory", "J)I");
    }

    public static int mlx_reset_peak_memory() {
        try {
            return (int) Link_mlx_reset_peak_memory.HANDLE.invokeExact();
        } catch (Throwable e) {
            throw Downcall.failed("mlx_reset_peak_memory", e);
        }
    }

    private static final class Link_mlx_reset_peak_memory {
        static final MethodHandle HANDLE = Downcall.link("mlx_reset_peak_memory", ")I");
    }

    public static int mlx_set_cache_limit(long res, long limit) {
        try {
            return (int) Link_mlx_set_cache_limit.HANDLE.invokeExact(res, limit);
        } catch (Throwable e) {
            throw Downcall.failed("mlx_set_cache_limit", e);
        }
    }

    private static final class Link_mlx_set_cache_limit {
        static final MethodHandle HANDLE = Downcall.link("mlx_set_cache_limit", "JJ)I");
    }

    public static int mlx_set_memory_limit(long res, long limit) {
        try {
            return (int) Link_mlx_set_memory_limit.HANDLE.invokeExact(res, limit);
        } catch (Throwable e) {
            throw Downcall.failed("mlx_set_memory_limit", e);
        }
    }

    private static final class Link_mlx_set_memory_limit {
        static final MethodHandle HANDLE = Downcall.link("mlx_set_memory_limit", "JJ)I");
    }

    public static int mlx_set_wired_limit(long res, long limit) {
        try {
            return (int) Link_mlx_set_wired_limit.HANDLE.invokeExact(res, limit);
        } catch (Throwable e) {
            throw Downcall.failed("mlx_set_wired_limit", e);
        }
    }

    private static final class Link_mlx_set_wired_limit {
        static final MethodHandle HANDLE = Downcall.link("mlx_set_wired_limit", "JJ)I");
    }

    public static int mlx_array_free(long arr) {
        try {
            return (int) Link_mlx_array_free.HANDLE.invokeExact(arr);
        } catch (Throwable e) {
            throw Downcall.failed("mlx_array_free", e);
        }
    }

    private static final class Link_mlx_array_free {
        static final MethodHandle HANDLE = Downcall.link("mlx_array_free", "J)I");
    }

    public static long mlx_array_new_data(long data, long shape, int dim, int dtype) {
        try {
            return (long) Link_mlx_array_new_data.HANDLE.invokeExact(data, shape, dim, dtype);
        } catch (Throwable e) {
            throw Downcall.failed("mlx_array_new_data", e);
        }
    }

    private static final class Link_mlx_array_new_data {
        static final MethodHandle HANDLE = Downcall.link("mlx_array_new_data", "JJII)J");
    }

    public static int mlx_array_set(long arr, long src) {
        try {
            return (int) Link_mlx_array_set.HANDLE.invokeExact(arr, src);
        } catch (Throwable e) {
            throw Downcall.failed("mlx_array_set", e);
        }
    }

    private static final class Link_mlx_array_set {
        static final MethodHandle HANDLE = Downcall.link("mlx_array_set", "JJ)I");
    }

    public static long mlx_array_size(long arr) {
        try {
            return (long) Link_mlx_array_size.HANDLE.invokeExact(arr);
        } catch (Throwable e) {
            throw Downcall.failed("mlx_array_size", e);
        }
    }

    private static final class Link_mlx_array_size {
        static final MethodHandle HANDLE = Downcall.link("mlx_array_size", "J)J");
    }

    public static long mlx_array_nbytes(long arr) {
        try {
            return (long) Link_mlx_array_nbytes.HANDLE.invokeExact(arr);
        } catch (Throwable e) {
            throw Downcall.failed("mlx_array_nbytes", e);
        }
    }

    private static final class Link_mlx_array_nbytes {
        static final MethodHandle HANDLE = Downcall.link("mlx_array_nbytes", "J)J");
    }

    public static long mlx_array_ndim(long arr) {
        try {
            return (long) Link_mlx_array_ndim.HANDLE.invokeExact(arr);
        } catch (Throwable e) {
            throw Downcall.failed("mlx_array_ndim", e);
        }
    }

    private static final class Link_mlx_array_ndim {
        static final MethodHandle HANDLE = Downcall.link("mlx_array_ndim", "J)J");
    }

    public static int mlx_array_dim(long arr, int dim) {
        try {
            return (int) Link_mlx_array_dim.HANDLE.invokeExact(arr, dim);
        } catch (Throwable e) {
            throw Downcall.failed("mlx_array_dim", e);
        }
    }

    private static final class Link_mlx_array_dim {
        static final MethodHandle HANDLE = Downcall.link("mlx_array_dim", "JI)I");
    }

    public static int mlx_array_dtype(long arr) {
        try {
            return (int) Link_mlx_array_dtype.HANDLE.invokeExact(arr);
        } catch (Throwable e) {
            throw Downcall.failed("mlx_array_dtype", e);
        }
    }

    private static final class Link_mlx_array_dtype {
        static final MethodHandle HANDLE = Downcall.link("mlx_array_dtype", "J)I");
    }

    public static int mlx_array_eval(long arr) {
        try {
            return (int) Link_mlx_array_eval.HANDLE.invokeExact(arr);
        } catch (Throwable e) {
            throw Downcall.failed("mlx_array_eval", e);
        }
    }

    private static final class Link_mlx_array_eval {
        static final MethodHandle HANDLE = Downcall.link("mlx_array_eval", "J)I");
    }

    public static int mlx_array_item_bool(long res, long arr) {
        try {
            return (int) Link_mlx_array_item_bool.HANDLE.invokeExact(res, arr);
        } catch (Throwable e) {
            throw Downcall.failed("mlx_array_item_bool", e);
        }
    }

    private static final class Link_mlx_array_item_bool {
        static final MethodHandle HANDLE = Downcall.link("mlx_array_item_bool", "JJ)I");
    }

    public static int mlx_array_item_uint32(long res, long arr) {
        try {
            return (int) Link_mlx_array_item_uint32.HANDLE.invokeExact(res, arr);
        } catch (Throwable e) {
            throw Downcall.failed("mlx_array_item_uint32", e);
        }
    }

    private static final class Link_mlx_array_item_uint32 {
        static final MethodHandle HANDLE = Downcall.link("mlx_array_item_uint32", "JJ)I");
    }

    public static int mlx_array_item_int32(long res, long arr) {
        try {
            return (int) Link_mlx_array_item_int32.HANDLE.invokeExact(res, arr);
        } catch (Throwable e) {
            throw Downcall.failed("mlx_array_item_int32", e);
        }
    }

    private static final class Link_mlx_array_item_int32 {
        static final MethodHandle HANDLE = Downcall.link("mlx_array_item_int32", "JJ)I");
    }

    public static long mlx_array_data_int32(long arr) {
        try {
            return (long) Link_mlx_array_data_int32.HANDLE.invokeExact(arr);
        } catch (Throwable e) {
            throw Downcall.failed("mlx_array_data_int32", e);
        }
    }

    private static final class Link_mlx_array_data_int32 {
        static final MethodHandle HANDLE = Downcall.link("mlx_array_data_int32", "J)J");
    }

    public static long mlx_array_data_float32(long arr) {
        try {
            return (long) Link_mlx_array_data_float32.HANDLE.invokeExact(arr);
        } catch (Throwable e) {
            throw Downcall.failed("mlx_array_data_float32", e);
        }
    }

    private static final class Link_mlx_array_data_float32 {
        static final MethodHandle HANDLE = Downcall.link("mlx_array_data_float32", "J)J");
    }

    public static int _mlx_array_is_row_contiguous(long res, long arr) {
        try {
            return (int) Link__mlx_array_is_row_contiguous.HANDLE.invokeExact(res, arr);
        } catch (Throwable e) {
            throw Downcall.failed("_mlx_array_is_row_contiguous", e);
        }
    }

    private static final class Link__mlx_array_is_row_contiguous {
        static final MethodHandle HANDLE = Downcall.link("_mlx_array_is_row_contiguous", "JJ)I");
    }

    public static long mlx_vector_array_new_data(long data, long size) {
        try {
            return (long) Link_mlx_vector_array_new_data.HANDLE.invokeExact(data, size);
        } catch (Throwable e) {
            throw Downcall.failed("mlx_vector_array_new_data", e);
        }
    }

    private static final class Link_mlx_vector_array_new_data {
        static final MethodHandle HANDLE = Downcall.link("mlx_vector_array_new_data", "JJ)J");
    }

    public static int mlx_vector_array_free(long vec) {
        try {
            return (int) Link_mlx_vector_array_free.HANDLE.invokeExact(vec);
        } catch (Throwable e) {
            throw Downcall.failed("mlx_vector_array_free", e);
        }
    }

    private static final class Link_mlx_vector_array_free {
        static final MethodHandle HANDLE = Downcall.link("mlx_vector_array_free", "J)I");
    }

    public static long mlx_vector_array_size(long vec) {
        try {
            return (long) Link_mlx_vector_array_size.HANDLE.invokeExact(vec);
        } catch (Throwable e) {
            throw Downcall.failed("mlx_vector_array_size", e);
        }
    }

    private static final class Link_mlx_vector_array_size {
        static final MethodHandle HANDLE = Downcall.link("mlx_vector_array_size", "J)J");
    }

    public static int mlx_vector_array_get(long res, long vec, long idx) {
        try {
            return (int) Link_mlx_vector_array_get.HANDLE.invokeExact(res, vec, idx);
        } catch (Throwable e) {
            throw Downcall.failed("mlx_vector_array_get", e);
        }
    }

    private static final class Link_mlx_vector_array_get {
        static final MethodHandle HANDLE = Downcall.link("mlx_vector_array_get", "JJJ)I");
    }

    public static long mlx_map_string_to_array_new() {
        try {
            return (long) Link_mlx_map_string_to_array_new.HANDLE.invokeExact();
        } catch (Throwable e) {
            throw Downcall.failed("mlx_map_string_to_array_new", e);
        }
    }

    private static final class Link_mlx_map_string_to_array_new {
        static final MethodHandle HANDLE = Downcall.link("mlx_map_string_to_array_new", ")J");
    }

    public static int mlx_map_string_to_array_free(long map) {
        try {
            return (int) Link_mlx_map_string_to_array_free.HANDLE.invokeExact(map);
        } catch (Throwable e) {
            throw Downcall.failed("mlx_map_string_to_array_free", e);
        }
    }

    private static final class Link_mlx_map_string_to_array_free {
        static final MethodHandle HANDLE = Downcall.link("mlx_map_string_to_array_free", "J)I");
    }

    public static int mlx_map_string_to_array_get(long value, long map, long key) {
        try {
            return (int) Link_mlx_map_string_to_array_get.HANDLE.invokeExact(value, map, key);
        } catch (Throwable e) {
            throw Downcall.failed("mlx_map_string_to_array_get", e);
        }
    }

    private static final class Link_mlx_map_string_to_array_get {
        static final MethodHandle HANDLE = Downcall.link("mlx_map_string_to_array_get", "JJJ)I");
    }

    public static int mlx_map_string_to_array_insert(long map, long key, long value) {
        try {
            return (int) Link_mlx_map_string_to_array_insert.HANDLE.invokeExact(map, key, value);
        } catch (Throwable e) {
            throw Downcall.failed("mlx_map_string_to_array_insert", e);
        }
    }

    private static final class Link_mlx_map_string_to_array_insert {
        static final MethodHandle HANDLE = Downcall.link("mlx_map_string_to_array_insert", "JJJ)I");
    }

    public static long mlx_map_string_to_string_new() {
        try {
            return (long) Link_mlx_map_string_to_string_new.HANDLE.invokeExact();
        } catch (Throwable e) {
            throw Downcall.failed("mlx_map_string_to_string_new", e);
        }
    }

    private static final class Link_mlx_map_string_to_string_new {
        static final MethodHandle HANDLE = Downcall.link("mlx_map_string_to_string_new", ")J");
    }

    public static int mlx_map_string_to_string_free(long map) {
        try {
            return (int) Link_mlx_map_string_to_string_free.HANDLE.invokeExact(map);
        } catch (Throwable e) {
            throw Downcall.failed("mlx_map_string_to_string_free", e);
        }
    }

    private static final class Link_mlx_map_string_to_string_free {
        static final MethodHandle HANDLE = Downcall.link("mlx_map_string_to_string_free", "J)I");
    }

    public static int mlx_map_string_to_string_insert(long map, long key, long value) {
        try {
            return (int) Link_mlx_map_string_to_string_insert.HANDLE.invokeExact(map, key, value);
        } catch (Throwable e) {
            throw Downcall.failed("mlx_map_string_to_string_insert", e);
        }
    }

    private static final class Link_mlx_map_string_to_string_insert {
        static final MethodHandle HANDLE = Downcall.link("mlx_map_string_to_string_insert", "JJJ)I");
    }

    public static int mlx_load_safetensors(long res_0, long res_1, long file, long s) {
        try {
            return (int) Link_mlx_load_safetensors.HANDLE.invokeExact(res_0, res_1, file, s);
        } catch (Throwable e) {
            throw Downcall.failed("mlx_load_safetensors", e);
        }
    }

    private static final class Link_mlx_load_safetensors {
        static final MethodHandle HANDLE = Downcall.link("mlx_load_safetensors", "JJJJ)I");
    }

    public static int mlx_save_safetensors(long file, long param, long metadata) {
        try {
            return (int) Link_mlx_save_safetensors.HANDLE.invokeExact(file, param, metadata);
        } catch (Throwable e) {
            throw Downcall.failed("mlx_save_safetensors", e);
        }
    }

    private static final class Link_mlx_save_safetensors {
        static final MethodHandle HANDLE = Downcall.link("mlx_save_safetensors", "JJJ)I");
    }

    public static int mlx_eval(long outputs) {
        try {
            return (int) Link_mlx_eval.HANDLE.invokeExact(outputs);
        } catch (Throwable e) {
            throw Downcall.failed("mlx_eval", e);
        }
    }

    private static final class Link_mlx_eval {
        static final MethodHandle HANDLE = Downcall.link("mlx_eval", "J)I");
    }

    public static int mlx_async_eval(long outputs) {
        try {
            return (int) Link_mlx_async_eval.HANDLE.invokeExact(outputs);
        } catch (Throwable e) {
            throw Downcall.failed("mlx_async_eval", e);
        }
    }

    private static final class Link_mlx_async_eval {
        static final MethodHandle HANDLE = Downcall.link("mlx_async_eval", "J)I");
    }

    public static int mlx_abs(long res, long a, long s) {
        try {
            return (int) Link_mlx_abs.HANDLE.invokeExact(res, a, s);
        } catch (Throwable e) {
            throw Downcall.failed("mlx_abs", e);
        }
    }

    private static final class Link_mlx_abs {
        static final MethodHandle HANDLE = Downcall.link("mlx_abs", "JJJ)I");
    }

    public static int mlx_add(long res, long a, long b, long s) {
        try {
            return (int) Link_mlx_add.HANDLE.invokeExact(res, a, b, s);
        } catch (Throwable e) {
            throw Downcall.failed("mlx_add", e);
        }
    }

    private static final class Link_mlx_add {
        static final MethodHandle HANDLE = Downcall.link("mlx_add", "JJJJ)I");
    }

    public static int mlx_clip(long res, long a, long a_min, long a_max, long s) {
        try {
            return (int) Link_mlx_clip.HANDLE.invokeExact(res, a, a_min, a_max, s);
        } catch (Throwable e) {
            throw Downcall.failed("mlx_clip", e);
        }
    }

    private static final class Link_mlx_clip {
        static final MethodHandle HANDLE = Downcall.link("mlx_clip", "JJJJJ)I");
    }

    public static int mlx_cos(long res, long a, long s) {
        try {
            return (int) Link_mlx_cos.HANDLE.invokeExact(res, a, s);
        } catch (Throwable e) {
            throw Downcall.failed("mlx_cos", e);
        }
    }

    private static final class Link_mlx_cos {
        static final MethodHandle HANDLE = Downcall.link("mlx_cos", "JJJ)I");
    }

    public static int mlx_divide(long res, long a, long b, long s) {
        try {
            return (int) Link_mlx_divide.HANDLE.invokeExact(res, a, b, s);
        } catch (Throwable e) {
            throw Downcall.failed("mlx_divide", e);
        }
    }

    private static final class Link_mlx_divide {
        static final MethodHandle HANDLE = Downcall.link("mlx_divide", "JJJJ)I");
    }

    public static int mlx_equal(long res, long a, long b, long s) {
        try {
            return (int) Link_mlx_equal.HANDLE.invokeExact(res, a, b, s);
        } catch (Throwable e) {
            throw Downcall.failed("mlx_equal", e);
        }
    }

    private static final class Link_mlx_equal {
        static final MethodHandle HANDLE = Downcall.link("mlx_equal", "JJJJ)I");
    }

    public static int mlx_erf(long res, long a, long s) {
        try {
            return (int) Link_mlx_erf.HANDLE.invokeExact(res, a, s);
        } catch (Throwable e) {
            throw Downcall.failed("mlx_erf", e);
        }
    }

    private static final class Link_mlx_erf {
        static final MethodHandle HANDLE = Downcall.link("mlx_erf", "JJJ)I");
    }

    public static int mlx_exp(long res, long a, long s) {
        try {
            return (int) Link_mlx_exp.HANDLE.invokeExact(res, a, s);
        } catch (Throwable e) {
            throw Downcall.failed("mlx_exp", e);
        }
    }

    private static final class Link_mlx_exp {
        static final MethodHandle HANDLE = Downcall.link("mlx_exp", "JJJ)I");
    }

    public static int mlx_expm1(long res, long a, long s) {
        try {
            return (int) Link_mlx_expm1.HANDLE.invokeExact(res, a, s);
        } catch (Throwable e) {
            throw Downcall.failed("mlx_expm1", e);
        }
    }

    private static final class Link_mlx_expm1 {
        static final MethodHandle HANDLE = Downcall.link("mlx_expm1", "JJJ)I");
    }

    public static int mlx_floor(long res, long a, long s) {
        try {
            return (int) Link_mlx_floor.HANDLE.invokeExact(res, a, s);
        } catch (Throwable e) {
            throw Downcall.failed("mlx_floor", e);
        }
    }

    private static final class Link_mlx_floor {
        static final MethodHandle HANDLE = Downcall.link("mlx_floor", "JJJ)I");
    }

    public static int mlx_floor_divide(long res, long a, long b, long s) {
        try {
            return (int) Link_mlx_floor_divide.HANDLE.invokeExact(res, a, b, s);
        } catch (Throwable e) {
            throw Downcall.failed("mlx_floor_divide", e);
        }
    }

    private static final class Link_mlx_floor_divide {
        static final MethodHandle HANDLE = Downcall.link("mlx_floor_divide", "JJJJ)I");
    }

    public static int mlx_greater(long res, long a, long b, long s) {
        try {
            return (int) Link_mlx_greater.HANDLE.invokeExact(res, a, b, s);
        } catch (Throwable e) {
            throw Downcall.failed("mlx_greater", e);
        }
    }

    private static final class Link_mlx_greater {
        static final MethodHandle HANDLE = Downcall.link("mlx_greater", "JJJJ)I");
    }

    public static int mlx_greater_equal(long res, long a, long b, long s) {
        try {
            return (int) Link_mlx_greater_equal.HANDLE.invokeExact(res, a, b, s);
        } catch (Throwable e) {
            throw Downcall.failed("mlx_greater_equal", e);
        }
    }

    private static final class Link_mlx_greater_equal {
        static final MethodHandle HANDLE = Downcall.link("mlx_greater_equal", "JJJJ)I");
    }

    public static int mlx_isinf(long res, long a, long s) {
        try {
            return (int) Link_mlx_isinf.HANDLE.invokeExact(res, a, s);
        } catch (Throwable e) {
            throw Downcall.failed("mlx_isinf", e);
        }
    }

    private static final class Link_mlx_isinf {
        static final MethodHandle HANDLE = Downcall.link("mlx_isinf", "JJJ)I");
    }

    public static int mlx_isnan(long res, long a, long s) {
        try {
            return (int) Link_mlx_isnan.HANDLE.invokeExact(res, a, s);
        } catch (Throwable e) {
            throw Downcall.failed("mlx_isnan", e);
        }
    }

    private static final class Link_mlx_isnan {
        static final MethodHandle HANDLE = Downcall.link("mlx_isnan", "JJJ)I");
    }

    public static int mlx_less(long res, long a, long b, long s) {
        try {
            return (int) Link_mlx_less.HANDLE.invokeExact(res, a, b, s);
        } catch (Throwable e) {
            throw Downcall.failed("mlx_less", e);
        }
    }

    private static final class Link_mlx_less {
        static final MethodHandle HANDLE = Downcall.link("mlx_less", "JJJJ)I");
    }

    public static int mlx_log(long res, long a, long s) {
        try {
            return (int) Link_mlx_log.HANDLE.invokeExact(res, a, s);
        } catch (Throwable e) {
            throw Downcall.failed("mlx_log", e);
        }
    }

    private static final class Link_mlx_log {
        static final MethodHandle HANDLE = Downcall.link("mlx_log", "JJJ)I");
    }

    public static int mlx_log1p(long res, long a, long s) {
        try {
            return (int) Link_mlx_log1p.HANDLE.invokeExact(res, a, s);
        } catch (Throwable e) {
            throw Downcall.failed("mlx_log1p", e);
        }
    }

    private static final class Link_mlx_log1p {
        static final MethodHandle HANDLE = Downcall.link("mlx_log1p", "JJJ)I");
    }

    public static int mlx_logaddexp(long res, long a, long b, long s) {
        try {
            return (int) Link_mlx_logaddexp.HANDLE.invokeExact(res, a, b, s);
        } catch (Throwable e) {
            throw Downcall.failed("mlx_logaddexp", e);
        }
    }

    private static final class Link_mlx_logaddexp {
        static final MethodHandle HANDLE = Downcall.link("mlx_logaddexp", "JJJJ)I");
    }

    public static int mlx_logical_and(long res, long a, long b, long s) {
        try {
            return (int) Link_mlx_logical_and.HANDLE.invokeExact(res, a, b, s);
        } catch (Throwable e) {
            throw Downcall.failed("mlx_logical_and", e);
        }
    }

    private static final class Link_mlx_logical_and {
        static final MethodHandle HANDLE = Downcall.link("mlx_logical_and", "JJJJ)I");
    }

    public static int mlx_logical_or(long res, long a, long b, long s) {
        try {
            return (int) Link_mlx_logical_or.HANDLE.invokeExact(res, a, b, s);
        } catch (Throwable e) {
            throw Downcall.failed("mlx_logical_or", e);
        }
    }

    private static final class Link_mlx_logical_or {
        static final MethodHandle HANDLE = Downcall.link("mlx_logical_or", "JJJJ)I");
    }

    public static int mlx_maximum(long res, long a, long b, long s) {
        try {
            return (int) Link_mlx_maximum.HANDLE.invokeExact(res, a, b, s);
        } catch (Throwable e) {
            throw Downcall.failed("mlx_maximum", e);
        }
    }

    private static final class Link_mlx_maximum {
        static final MethodHandle HANDLE = Downcall.link("mlx_maximum", "JJJJ)I");
    }

    public static int mlx_minimum(long res, long a, long b, long s) {
        try {
            return (int) Link_mlx_minimum.HANDLE.invokeExact(res, a, b, s);
        } catch (Throwable e) {
            throw Downcall.failed("mlx_minimum", e);
        }
    }

    private static final class Link_mlx_minimum {
        static final MethodHandle HANDLE = Downcall.link("mlx_minimum", "JJJJ)I");
    }

    public static int mlx_multiply(long res, long a, long b, long s) {
        try {
            return (int) Link_mlx_multiply.HANDLE.invokeExact(res, a, b, s);
        } catch (Throwable e) {
            throw Downcall.failed("mlx_multiply", e);
        }
    }

    private static final class Link_mlx_multiply {
        static final MethodHandle HANDLE = Downcall.link("mlx_multiply", "JJJJ)I");
    }

    public static int mlx_negative(long res, long a, long s) {
        try {
            return (int) Link_mlx_negative.HANDLE.invokeExact(res, a, s);
        } catch (Throwable e) {
            throw Downcall.failed("mlx_negative", e);
        }
    }

    private static final class Link_mlx_negative {
        static final MethodHandle HANDLE = Downcall.link("mlx_negative", "JJJ)I");
    }

    public static int mlx_power(long res, long a, long b, long s) {
        try {
            return (int) Link_mlx_power.HANDLE.invokeExact(res, a, b, s);
        } catch (Throwable e) {
            throw Downcall.failed("mlx_power", e);
        }
    }

    private static final class Link_mlx_power {
        static final MethodHandle HANDLE = Downcall.link("mlx_power", "JJJJ)I");
    }

    public static int mlx_reciprocal(long res, long a, long s) {
        try {
            return (int) Link_mlx_reciprocal.HANDLE.invokeExact(res, a, s);
        } catch (Throwable e) {
            throw Downcall.failed("mlx_reciprocal", e);
        }
    }

    private static final class Link_mlx_reciprocal {
        static final MethodHandle HANDLE = Downcall.link("mlx_reciprocal", "JJJ)I");
    }

    public static int mlx_remainder(long res, long a, long b, long s) {
        try {
            return (int) Link_mlx_remainder.HANDLE.invokeExact(res, a, b, s);
        } catch (Throwable e) {
            throw Downcall.failed("mlx_remainder", e);
        }
    }

    private static final class Link_mlx_remainder {
        static final MethodHandle HANDLE = Downcall.link("mlx_remainder", "JJJJ)I");
    }

    public static int mlx_rsqrt(long res, long a, long s) {
        try {
            return (int) Link_mlx_rsqrt.HANDLE.invokeExact(res, a, s);
        } catch (Throwable e) {
            throw Downcall.failed("mlx_rsqrt", e);
        }
    }

    private static final class Link_mlx_rsqrt {
        static final MethodHandle HANDLE = Downcall.link("mlx_rsqrt", "JJJ)I");
    }

    public static int mlx_sigmoid(long res, long a, long s) {
        try {
            return (int) Link_mlx_sigmoid.HANDLE.invokeExact(res, a, s);
        } catch (Throwable e) {
            throw Downcall.failed("mlx_sigmoid", e);
        }
    }

    private static final class Link_mlx_sigmoid {
        static final MethodHandle HANDLE = Downcall.link("mlx_sigmoid", "JJJ)I");
    }

    public static int mlx_sin(long res, long a, long s) {
        try {
            return (int) Link_mlx_sin.HANDLE.invokeExact(res, a, s);
        } catch (Throwable e) {
            throw Downcall.failed("mlx_sin", e);
        }
    }

    private static final class Link_mlx_sin {
        static final MethodHandle HANDLE = Downcall.link("mlx_sin", "JJJ)I");
    }

    public static int mlx_sqrt(long res, long a, long s) {
        try {
            return (int) Link_mlx_sqrt.HANDLE.invokeExact(res, a, s);
        } catch (Throwable e) {
            throw Downcall.failed("mlx_sqrt", e);
        }
    }

    private static final class Link_mlx_sqrt {
        static final MethodHandle HANDLE = Downcall.link("mlx_sqrt", "JJJ)I");
    }

    public static int mlx_square(long res, long a, long s) {
        try {
            return (int) Link_mlx_square.HANDLE.invokeExact(res, a, s);
        } catch (Throwable e) {
            throw Downcall.failed("mlx_square", e);
        }
    }

    private static final class Link_mlx_square {
        static final MethodHandle HANDLE = Downcall.link("mlx_square", "JJJ)I");
    }

    public static int mlx_subtract(long res, long a, long b, long s) {
        try {
            return (int) Link_mlx_subtract.HANDLE.invokeExact(res, a, b, s);
        } catch (Throwable e) {
            throw Downcall.failed("mlx_subtract", e);
        }
    }

    private static final class Link_mlx_subtract {
        static final MethodHandle HANDLE = Downcall.link("mlx_subtract", "JJJJ)I");
    }

    public static int mlx_tanh(long res, long a, long s) {
        try {
            return (int) Link_mlx_tanh.HANDLE.invokeExact(res, a, s);
        } catch (Throwable e) {
            throw Downcall.failed("mlx_tanh", e);
        }
    }

    private static final class Link_mlx_tanh {
        static final MethodHandle HANDLE = Downcall.link("mlx_tanh", "JJJ)I");
    }

    public static int mlx_where(long res, long condition, long x, long y, long s) {
        try {
            return (int) Link_mlx_where.HANDLE.invokeExact(res, condition, x, y, s);
        } catch (Throwable e) {
            throw Downcall.failed("mlx_where", e);
        }
    }

    private static final class Link_mlx_where {
        static final MethodHandle HANDLE = Downcall.link("mlx_where", "JJJJJ)I");
    }

    public static int mlx_right_shift(long res, long a, long b, long s) {
        try {
            return (int) Link_mlx_right_shift.HANDLE.invokeExact(res, a, b, s);
        } catch (Throwable e) {
            throw Downcall.failed("mlx_right_shift", e);
        }
    }

    private static final class Link_mlx_right_shift {
        static final MethodHandle HANDLE = Downcall.link("mlx_right_shift", "JJJJ)I");
    }

    public static int mlx_bitwise_and(long res, long a, long b, long s) {
        try {
            return (int) Link_mlx_bitwise_and.HANDLE.invokeExact(res, a, b, s);
        } catch (Throwable e) {
            throw Downcall.failed("mlx_bitwise_and", e);
        }
    }

    private static final class Link_mlx_bitwise_and {
        static final MethodHandle HANDLE = Downcall.link("mlx_bitwise_and", "JJJJ)I");
    }

    public static int mlx_all(long res, long a, boolean keepdims, long s) {
        try {
            return (int) Link_mlx_all.HANDLE.invokeExact(res, a, keepdims, s);
        } catch (Throwable e) {
            throw Downcall.failed("mlx_all", e);
        }
    }

    private static final class Link_mlx_all {
        static final MethodHandle HANDLE = Downcall.link("mlx_all", "JJZJ)I");
    }

    public static int mlx_any(long res, long a, boolean keepdims, long s) {
        try {
            return (int) Link_mlx_any.HANDLE.invokeExact(res, a, keepdims, s);
        } catch (Throwable e) {
            throw Downcall.failed("mlx_any", e);
        }
    }

    private static final class Link_mlx_any {
        static final MethodHandle HANDLE = Downcall.link("mlx_any", "JJZJ)I");
    }

    public static int mlx_argmax_axis(long res, long a, int axis, boolean keepdims, long s) {
        try {
            return (int) Link_mlx_argmax_axis.HANDLE.invokeExact(res, a, axis, keepdims, s);
        } catch (Throwable e) {
            throw Downcall.failed("mlx_argmax_axis", e);
        }
    }

    private static final class Link_mlx_argmax_axis {
        static final MethodHandle HANDLE = Downcall.link("mlx_argmax_axis", "JJIZJ)I");
    }

    public static int mlx_argpartition_axis(long res, long a, int kth, int axis, long s) {
        try {
            return (int) Link_mlx_argpartition_axis.HANDLE.invokeExact(res, a, kth, axis, s);
        } catch (Throwable e) {
            throw Downcall.failed("mlx_argpartition_axis", e);
        }
    }

    private static final class Link_mlx_argpartition_axis {
        static final MethodHandle HANDLE = Downcall.link("mlx_argpartition_axis", "JJIIJ)I");
    }

    public static int mlx_argsort_axis(long res, long a, int axis, long s) {
        try {
            return (int) Link_mlx_argsort_axis.HANDLE.invokeExact(res, a, axis, s);
        } catch (Throwable e) {
            throw Downcall.failed("mlx_argsort_axis", e);
        }
    }

    private static final class Link_mlx_argsort_axis {
        static final MethodHandle HANDLE = Downcall.link("mlx_argsort_axis", "JJIJ)I");
    }

    public static int mlx_cumsum_axis(long res, long a, int axis, boolean reverse, boolean inclusive, long dtype, long s) {
        try {
            return (int) Link_mlx_cumsum_axis.HANDLE.invokeExact(res, a, axis, reverse, inclusive, dtype, s);
        } catch (Throwable e) {
            throw Downcall.failed("mlx_cumsum_axis", e);
        }
    }

    private static final class Link_mlx_cumsum_axis {
        static final MethodHandle HANDLE = Downcall.link("mlx_cumsum_axis", "JJIZZJJ)I");
    }

    public static int mlx_logsumexp_axis(long res, long a, int axis, boolean keepdims, long s) {
        try {
            return (int) Link_mlx_logsumexp_axis.HANDLE.invokeExact(res, a, axis, keepdims, s);
        } catch (Throwable e) {
            throw Downcall.failed("mlx_logsumexp_axis", e);
        }
    }

    private static final class Link_mlx_logsumexp_axis {
        static final MethodHandle HANDLE = Downcall.link("mlx_logsumexp_axis", "JJIZJ)I");
    }

    public static int mlx_max_axis(long res, long a, int axis, boolean keepdims, long s) {
        try {
            return (int) Link_mlx_max_axis.HANDLE.invokeExact(res, a, axis, keepdims, s);
        } catch (Throwable e) {
            throw Downcall.failed("mlx_max_axis", e);
        }
    }

    private static final class Link_mlx_max_axis {
        static final MethodHandle HANDLE = Downcall.link("mlx_max_axis", "JJIZJ)I");
    }

    public static int mlx_mean_axis(long res, long a, int axis, boolean keepdims, long s) {
        try {
            return (int) Link_mlx_mean_axis.HANDLE.invokeExact(res, a, axis, keepdims, s);
        } catch (Throwable e) {
            throw Downcall.failed("mlx_mean_axis", e);
        }
    }

    private static final class Link_mlx_mean_axis {
        static final MethodHandle HANDLE = Downcall.link("mlx_mean_axis", "JJIZJ)I");
    }

    public static int mlx_min_axis(long res, long a, int axis, boolean keepdims, long s) {
        try {
            return (int) Link_mlx_min_axis.HANDLE.invokeExact(res, a, axis, keepdims, s);
        } catch (Throwable e) {
            throw Downcall.failed("mlx_min_axis", e);
        }
    }

    private static final class Link_mlx_min_axis {
        static final MethodHandle HANDLE = Downcall.link("mlx_min_axis", "JJIZJ)I");
    }

    public static int mlx_partition_axis(long res, long a, int kth, int axis, long s) {
        try {
            return (int) Link_mlx_partition_axis.HANDLE.invokeExact(res, a, kth, axis, s);
        } catch (Throwable e) {
            throw Downcall.failed("mlx_partition_axis", e);
        }
    }

    private static final class Link_mlx_partition_axis {
        static final MethodHandle HANDLE = Downcall.link("mlx_partition_axis", "JJIIJ)I");
    }

    public static int mlx_softmax_axis(long res, long a, int axis, boolean precise, long s) {
        try {
            return (int) Link_mlx_softmax_axis.HANDLE.invokeExact(res, a, axis, precise, s);
        } catch (Throwable e) {
            throw Downcall.failed("mlx_softmax_axis", e);
        }
    }

    private static final class Link_mlx_softmax_axis {
        static final MethodHandle HANDLE = Downcall.link("mlx_softmax_axis", "JJIZJ)I");
    }

    public static int mlx_sort_axis(long res, long a, int axis, long s) {
        try {
            return (int) Link_mlx_sort_axis.HANDLE.invokeExact(res, a, axis, s);
        } catch (Throwable e) {
            throw Downcall.failed("mlx_sort_axis", e);
        }
    }

    private static final class Link_mlx_sort_axis {
        static final MethodHandle HANDLE = Downcall.link("mlx_sort_axis", "JJIJ)I");
    }

    public static int mlx_sum_axis(long res, long a, int axis, boolean keepdims, long s) {
        try {
            return (int) Link_mlx_sum_axis.HANDLE.invokeExact(res, a, axis, keepdims, s);
        } catch (Throwable e) {
            throw Downcall.failed("mlx_sum_axis", e);
        }
    }

    private static final class Link_mlx_sum_axis {
        static final MethodHandle HANDLE = Downcall.link("mlx_sum_axis", "JJIZJ)I");
    }

    public static int mlx_topk_axis(long res, long a, int k, int axis, long s) {
        try {
            return (int) Link_mlx_topk_axis.HANDLE.invokeExact(res, a, k, axis, s);
        } catch (Throwable e) {
            throw Downcall.failed("mlx_topk_axis", e);
        }
    }

    private static final class Link_mlx_topk_axis {
        static final MethodHandle HANDLE = Downcall.link("mlx_topk_axis", "JJIIJ)I");
    }

    public static int mlx_arange(long res, double start, double stop, double step, int dtype, long s) {
        try {
            return (int) Link_mlx_arange.HANDLE.invokeExact(res, start, stop, step, dtype, s);
        } catch (Throwable e) {
            throw Downcall.failed("mlx_arange", e);
        }
    }

    private static final class Link_mlx_arange {
        static final MethodHandle HANDLE = Downcall.link("mlx_arange", "JDDDIJ)I");
    }

    public static int mlx_astype(long res, long a, int dtype, long s) {
        try {
            return (int) Link_mlx_astype.HANDLE.invokeExact(res, a, dtype, s);
        } catch (Throwable e) {
            throw Downcall.failed("mlx_astype", e);
        }
    }

    private static final class Link_mlx_astype {
        static final MethodHandle HANDLE = Downcall.link("mlx_astype", "JJIJ)I");
    }

    public static int mlx_broadcast_to(long res, long a, long shape, long shape_num, long s) {
        try {
            return (int) Link_mlx_broadcast_to.HANDLE.invokeExact(res, a, shape, shape_num, s);
        } catch (Throwable e) {
            throw Downcall.failed("mlx_broadcast_to", e);
        }
    }

    private static final class Link_mlx_broadcast_to {
        static final MethodHandle HANDLE = Downcall.link("mlx_broadcast_to", "JJJJJ)I");
    }

    public static int mlx_concatenate_axis(long res, long arrays, int axis, long s) {
        try {
            return (int) Link_mlx_concatenate_axis.HANDLE.invokeExact(res, arrays, axis, s);
        } catch (Throwable e) {
            throw Downcall.failed("mlx_concatenate_axis", e);
        }
    }

    private static final class Link_mlx_concatenate_axis {
        static final MethodHandle HANDLE = Downcall.link("mlx_concatenate_axis", "JJIJ)I");
    }

    public static int mlx_contiguous(long res, long a, boolean allow_col_major, long s) {
        try {
            return (int) Link_mlx_contiguous.HANDLE.invokeExact(res, a, allow_col_major, s);
        } catch (Throwable e) {
            throw Downcall.failed("mlx_contiguous", e);
        }
    }

    private static final class Link_mlx_contiguous {
        static final MethodHandle HANDLE = Downcall.link("mlx_contiguous", "JJZJ)I");
    }

    public static int mlx_copy(long res, long a, long s) {
        try {
            return (int) Link_mlx_copy.HANDLE.invokeExact(res, a, s);
        } catch (Throwable e) {
            throw Downcall.failed("mlx_copy", e);
        }
    }

    private static final class Link_mlx_copy {
        static final MethodHandle HANDLE = Downcall.link("mlx_copy", "JJJ)I");
    }

    public static int mlx_expand_dims(long res, long a, int axis, long s) {
        try {
            return (int) Link_mlx_expand_dims.HANDLE.invokeExact(res, a, axis, s);
        } catch (Throwable e) {
            throw Downcall.failed("mlx_expand_dims", e);
        }
    }

    private static final class Link_mlx_expand_dims {
        static final MethodHandle HANDLE = Downcall.link("mlx_expand_dims", "JJIJ)I");
    }

    public static int mlx_flatten(long res, long a, int start_axis, int end_axis, long s) {
        try {
            return (int) Link_mlx_flatten.HANDLE.invokeExact(res, a, start_axis, end_axis, s);
        } catch (Throwable e) {
            throw Downcall.failed("mlx_flatten", e);
        }
    }

    private static final class Link_mlx_flatten {
        static final MethodHandle HANDLE = Downcall.link("mlx_flatten", "JJIIJ)I");
    }

    public static int mlx_full(long res, long shape, long shape_num, long vals, int dtype, long s) {
        try {
            return (int) Link_mlx_full.HANDLE.invokeExact(res, shape, shape_num, vals, dtype, s);
        } catch (Throwable e) {
            throw Downcall.failed("mlx_full", e);
        }
    }

    private static final class Link_mlx_full {
        static final MethodHandle HANDLE = Downcall.link("mlx_full", "JJJJIJ)I");
    }

    public static int mlx_moveaxis(long res, long a, int source, int destination, long s) {
        try {
            return (int) Link_mlx_moveaxis.HANDLE.invokeExact(res, a, source, destination, s);
        } catch (Throwable e) {
            throw Downcall.failed("mlx_moveaxis", e);
        }
    }

    private static final class Link_mlx_moveaxis {
        static final MethodHandle HANDLE = Downcall.link("mlx_moveaxis", "JJIIJ)I");
    }

    public static int mlx_ones(long res, long shape, long shape_num, int dtype, long s) {
        try {
            return (int) Link_mlx_ones.HANDLE.invokeExact(res, shape, shape_num, dtype, s);
        } catch (Throwable e) {
            throw Downcall.failed("mlx_ones", e);
        }
    }

    private static final class Link_mlx_ones {
        static final MethodHandle HANDLE = Downcall.link("mlx_ones", "JJJIJ)I");
    }

    public static int mlx_pad(long res, long a, long axes, long axes_num, long low_pad_size, long low_pad_size_num, long high_pad_size, long high_pad_size_num, long pad_value, long mode, long s) {
        try {
            return (int) Link_mlx_pad.HANDLE.invokeExact(res, a, axes, axes_num, low_pad_size, low_pad_size_num, high_pad_size, high_pad_size_num, pad_value, mode, s);
        } catch (Throwable e) {
            throw Downcall.failed("mlx_pad", e);
        }
    }

    private static final class Link_mlx_pad {
        static final MethodHandle HANDLE = Downcall.link("mlx_pad", "JJJJJJJJJJJ)I");
    }

    public static int mlx_put_along_axis(long res, long a, long indices, long values, int axis, long s) {
        try {
            return (int) Link_mlx_put_along_axis.HANDLE.invokeExact(res, a, indices, values, axis, s);
        } catch (Throwable e) {
            throw Downcall.failed("mlx_put_along_axis", e);
        }
    }

    private static final class Link_mlx_put_along_axis {
        static final MethodHandle HANDLE = Downcall.link("mlx_put_along_axis", "JJJJIJ)I");
    }

    public static int mlx_repeat_axis(long res, long arr, int repeats, int axis, long s) {
        try {
            return (int) Link_mlx_repeat_axis.HANDLE.invokeExact(res, arr, repeats, axis, s);
        } catch (Throwable e) {
            throw Downcall.failed("mlx_repeat_axis", e);
        }
    }

    private static final class Link_mlx_repeat_axis {
        static final MethodHandle HANDLE = Downcall.link("mlx_repeat_axis", "JJIIJ)I");
    }

    public static int mlx_reshape(long res, long a, long shape, long shape_num, long s) {
        try {
            return (int) Link_mlx_reshape.HANDLE.invokeExact(res, a, shape, shape_num, s);
        } catch (Throwable e) {
            throw Downcall.failed("mlx_reshape", e);
        }
    }

    private static final class Link_mlx_reshape {
        static final MethodHandle HANDLE = Downcall.link("mlx_reshape", "JJJJJ)I");
    }

    public static int mlx_scatter_add_axis(long res, long a, long indices, long values, int axis, long s) {
        try {
            return (int) Link_mlx_scatter_add_axis.HANDLE.invokeExact(res, a, indices, values, axis, s);
        } catch (Throwable e) {
            throw Downcall.failed("mlx_scatter_add_axis", e);
        }
    }

    private static final class Link_mlx_scatter_add_axis {
        static final MethodHandle HANDLE = Downcall.link("mlx_scatter_add_axis", "JJJJIJ)I");
    }

    public static int mlx_slice(long res, long a, long start, long start_num, long stop, long stop_num, long strides, long strides_num, long s) {
        try {
            return (int) Link_mlx_slice.HANDLE.invokeExact(res, a, start, start_num, stop, stop_num, strides, strides_num, s);
        } catch (Throwable e) {
            throw Downcall.failed("mlx_slice", e);
        }
    }

    private static final class Link_mlx_slice {
        static final MethodHandle HANDLE = Downcall.link("mlx_slice", "JJJJJJJJJ)I");
    }

    public static int mlx_slice_update(long res, long src, long update, long start, long start_num, long stop, long stop_num, long strides, long strides_num, long s) {
        try {
            return (int) Link_mlx_slice_update.HANDLE.invokeExact(res, src, update, start, start_num, stop, stop_num, strides, strides_num, s);
        } catch (Throwable e) {
            throw Downcall.failed("mlx_slice_update", e);
        }
    }

    private static final class Link_mlx_slice_update {
        static final MethodHandle HANDLE = Downcall.link("mlx_slice_update", "JJJJJJJJJJ)I");
    }

    public static int mlx_split(long res, long a, int num_splits, int axis, long s) {
        try {
            return (int) Link_mlx_split.HANDLE.invokeExact(res, a, num_splits, axis, s);
        } catch (Throwable e) {
            throw Downcall.failed("mlx_split", e);
        }
    }

    private static final class Link_mlx_split {
        static final MethodHandle HANDLE = Downcall.link("mlx_split", "JJIIJ)I");
    }

    public static int mlx_split_sections(long res, long a, long indices, long indices_num, int axis, long s) {
        try {
            return (int) Link_mlx_split_sections.HANDLE.invokeExact(res, a, indices, indices_num, axis, s);
        } catch (Throwable e) {
            throw Downcall.failed("mlx_split_sections", e);
        }
    }

    private static final class Link_mlx_split_sections {
        static final MethodHandle HANDLE = Downcall.link("mlx_split_sections", "JJJJIJ)I");
    }

    public static int mlx_squeeze_axis(long res, long a, int axis, long s) {
        try {
            return (int) Link_mlx_squeeze_axis.HANDLE.invokeExact(res, a, axis, s);
        } catch (Throwable e) {
            throw Downcall.failed("mlx_squeeze_axis", e);
        }
    }

    private static final class Link_mlx_squeeze_axis {
        static final MethodHandle HANDLE = Downcall.link("mlx_squeeze_axis", "JJIJ)I");
    }

    public static int mlx_stack_axis(long res, long arrays, int axis, long s) {
        try {
            return (int) Link_mlx_stack_axis.HANDLE.invokeExact(res, arrays, axis, s);
        } catch (Throwable e) {
            throw Downcall.failed("mlx_stack_axis", e);
        }
    }

    private static final class Link_mlx_stack_axis {
        static final MethodHandle HANDLE = Downcall.link("mlx_stack_axis", "JJIJ)I");
    }

    public static int mlx_swapaxes(long res, long a, int axis1, int axis2, long s) {
        try {
            return (int) Link_mlx_swapaxes.HANDLE.invokeExact(res, a, axis1, axis2, s);
        } catch (Throwable e) {
            throw Downcall.failed("mlx_swapaxes", e);
        }
    }

    private static final class Link_mlx_swapaxes {
        static final MethodHandle HANDLE = Downcall.link("mlx_swapaxes", "JJIIJ)I");
    }

    public static int mlx_take_along_axis(long res, long a, long indices, int axis, long s) {
        try {
            return (int) Link_mlx_take_along_axis.HANDLE.invokeExact(res, a, indices, axis, s);
        } catch (Throwable e) {
            throw Downcall.failed("mlx_take_along_axis", e);
        }
    }

    private static final class Link_mlx_take_along_axis {
        static final MethodHandle HANDLE = Downcall.link("mlx_take_along_axis", "JJJIJ)I");
    }

    public static int mlx_take_axis(long res, long a, long indices, int axis, long s) {
        try {
            return (int) Link_mlx_take_axis.HANDLE.invokeExact(res, a, indices, axis, s);
        } catch (Throwable e) {
            throw Downcall.failed("mlx_take_axis", e);
        }
    }

    private static final class Link_mlx_take_axis {
        static final MethodHandle HANDLE = Downcall.link("mlx_take_axis", "JJJIJ)I");
    }

    public static int mlx_tile(long res, long arr, long reps, long reps_num, long s) {
        try {
            return (int) Link_mlx_tile.HANDLE.invokeExact(res, arr, reps, reps_num, s);
        } catch (Throwable e) {
            throw Downcall.failed("mlx_tile", e);
        }
    }

    private static final class Link_mlx_tile {
        static final MethodHandle HANDLE = Downcall.link("mlx_tile", "JJJJJ)I");
    }

    public static int mlx_transpose_axes(long res, long a, long axes, long axes_num, long s) {
        try {
            return (int) Link_mlx_transpose_axes.HANDLE.invokeExact(res, a, axes, axes_num, s);
        } catch (Throwable e) {
            throw Downcall.failed("mlx_transpose_axes", e);
        }
    }

    private static final class Link_mlx_transpose_axes {
        static final MethodHandle HANDLE = Downcall.link("mlx_transpose_axes", "JJJJJ)I");
    }

    public static int mlx_tril(long res, long x, int k, long s) {
        try {
            return (int) Link_mlx_tril.HANDLE.invokeExact(res, x, k, s);
        } catch (Throwable e) {
            throw Downcall.failed("mlx_tril", e);
        }
    }

    private static final class Link_mlx_tril {
        static final MethodHandle HANDLE = Downcall.link("mlx_tril", "JJIJ)I");
    }

    public static int mlx_triu(long res, long x, int k, long s) {
        try {
            return (int) Link_mlx_triu.HANDLE.invokeExact(res, x, k, s);
        } catch (Throwable e) {
            throw Downcall.failed("mlx_triu", e);
        }
    }

    private static final class Link_mlx_triu {
        static final MethodHandle HANDLE = Downcall.link("mlx_triu", "JJIJ)I");
    }

    public static int mlx_unflatten(long res, long a, int axis, long shape, long shape_num, long s) {
        try {
            return (int) Link_mlx_unflatten.HANDLE.invokeExact(res, a, axis, shape, shape_num, s);
        } catch (Throwable e) {
            throw Downcall.failed("mlx_unflatten", e);
        }
    }

    private static final class Link_mlx_unflatten {
        static final MethodHandle HANDLE = Downcall.link("mlx_unflatten", "JJIJJJ)I");
    }

    public static int mlx_view(long res, long a, int dtype, long s) {
        try {
            return (int) Link_mlx_view.HANDLE.invokeExact(res, a, dtype, s);
        } catch (Throwable e) {
            throw Downcall.failed("mlx_view", e);
        }
    }

    private static final class Link_mlx_view {
        static final MethodHandle HANDLE = Downcall.link("mlx_view", "JJIJ)I");
    }

    public static int mlx_zeros(long res, long shape, long shape_num, int dtype, long s) {
        try {
            return (int) Link_mlx_zeros.HANDLE.invokeExact(res, shape, shape_num, dtype, s);
        } catch (Throwable e) {
            throw Downcall.failed("mlx_zeros", e);
        }
    }

    private static final class Link_mlx_zeros {
        static final MethodHandle HANDLE = Downcall.link("mlx_zeros", "JJJIJ)I");
    }

    public static int mlx_zeros_like(long res, long a, long s) {
        try {
            return (int) Link_mlx_zeros_like.HANDLE.invokeExact(res, a, s);
        } catch (Throwable e) {
            throw Downcall.failed("mlx_zeros_like", e);
        }
    }

    private static final class Link_mlx_zeros_like {
        static final MethodHandle HANDLE = Downcall.link("mlx_zeros_like", "JJJ)I");
    }

    public static int mlx_addmm(long res, long c, long a, long b, float alpha, float beta, long s) {
        try {
            return (int) Link_mlx_addmm.HANDLE.invokeExact(res, c, a, b, alpha, beta, s);
        } catch (Throwable e) {
            throw Downcall.failed("mlx_addmm", e);
        }
    }

    private static final class Link_mlx_addmm {
        static final MethodHandle HANDLE = Downcall.link("mlx_addmm", "JJJJFFJ)I");
    }

    public static int mlx_conv1d(long res, long input, long weight, int stride, int padding, int dilation, int groups, long s) {
        try {
            return (int) Link_mlx_conv1d.HANDLE.invokeExact(res, input, weight, stride, padding, dilation, groups, s);
        } catch (Throwable e) {
            throw Downcall.failed("mlx_conv1d", e);
        }
    }

    private static final class Link_mlx_conv1d {
        static final MethodHandle HANDLE = Downcall.link("mlx_conv1d", "JJJIIIIJ)I");
    }

    public static int mlx_dequantize(long res, long w, long scales, long biases, long group_size, long bits, long mode, long global_scale, long dtype, long s) {
        try {
            return (int) Link_mlx_dequantize.HANDLE.invokeExact(res, w, scales, biases, group_size, bits, mode, global_scale, dtype, s);
        } catch (Throwable e) {
            throw Downcall.failed("mlx_dequantize", e);
        }
    }

    private static final class Link_mlx_dequantize {
        static final MethodHandle HANDLE = Downcall.link("mlx_dequantize", "JJJJJJJJJJ)I");
    }

    public static int mlx_from_fp8(long res, long x, int dtype, long s) {
        try {
            return (int) Link_mlx_from_fp8.HANDLE.invokeExact(res, x, dtype, s);
        } catch (Throwable e) {
            throw Downcall.failed("mlx_from_fp8", e);
        }
    }

    private static final class Link_mlx_from_fp8 {
        static final MethodHandle HANDLE = Downcall.link("mlx_from_fp8", "JJIJ)I");
    }

    public static int mlx_gather_mm(long res, long a, long b, long lhs_indices, long rhs_indices, boolean sorted_indices, long s) {
        try {
            return (int) Link_mlx_gather_mm.HANDLE.invokeExact(res, a, b, lhs_indices, rhs_indices, sorted_indices, s);
        } catch (Throwable e) {
            throw Downcall.failed("mlx_gather_mm", e);
        }
    }

    private static final class Link_mlx_gather_mm {
        static final MethodHandle HANDLE = Downcall.link("mlx_gather_mm", "JJJJJZJ)I");
    }

    public static int mlx_gather_qmm(long res, long x, long w, long scales, long biases, long lhs_indices, long rhs_indices, boolean transpose, long group_size, long bits, long mode, boolean sorted_indices, long s) {
        try {
            return (int) Link_mlx_gather_qmm.HANDLE.invokeExact(res, x, w, scales, biases, lhs_indices, rhs_indices, transpose, group_size, bits, mode, sorted_indices, s);
        } catch (Throwable e) {
            throw Downcall.failed("mlx_gather_qmm", e);
        }
    }

    private static final class Link_mlx_gather_qmm {
        static final MethodHandle HANDLE = Downcall.link("mlx_gather_qmm", "JJJJJJJZJJJZJ)I");
    }

    public static int mlx_matmul(long res, long a, long b, long s) {
        try {
            return (int) Link_mlx_matmul.HANDLE.invokeExact(res, a, b, s);
        } catch (Throwable e) {
            throw Downcall.failed("mlx_matmul", e);
        }
    }

    private static final class Link_mlx_matmul {
        static final MethodHandle HANDLE = Downcall.link("mlx_matmul", "JJJJ)I");
    }

    public static int mlx_quantize(long res, long w, long group_size, long bits, long mode, long global_scale, long s) {
        try {
            return (int) Link_mlx_quantize.HANDLE.invokeExact(res, w, group_size, bits, mode, global_scale, s);
        } catch (Throwable e) {
            throw Downcall.failed("mlx_quantize", e);
        }
    }

    private static final class Link_mlx_quantize {
        static final MethodHandle HANDLE = Downcall.link("mlx_quantize", "JJJJJJJ)I");
    }

    public static int mlx_quantized_matmul(long res, long x, long w, long scales, long biases, boolean transpose, long group_size, long bits, long mode, long s) {
        try {
            return (int) Link_mlx_quantized_matmul.HANDLE.invokeExact(res, x, w, scales, biases, transpose, group_size, bits, mode, s);
        } catch (Throwable e) {
            throw Downcall.failed("mlx_quantized_matmul", e);
        }
    }

    private static final class Link_mlx_quantized_matmul {
        static final MethodHandle HANDLE = Downcall.link("mlx_quantized_matmul", "JJJJJZJJJJ)I");
    }

    public static int mlx_fast_layer_norm(long res, long x, long weight, long bias, float eps, long s) {
        try {
            return (int) Link_mlx_fast_layer_norm.HANDLE.invokeExact(res, x, weight, bias, eps, s);
        } catch (Throwable e) {
            throw Downcall.failed("mlx_fast_layer_norm", e);
        }
    }

    private static final class Link_mlx_fast_layer_norm {
        static final MethodHandle HANDLE = Downcall.link("mlx_fast_layer_norm", "JJJJFJ)I");
    }

    public static int mlx_fast_rms_norm(long res, long x, long weight, float eps, long s) {
        try {
            return (int) Link_mlx_fast_rms_norm.HANDLE.invokeExact(res, x, weight, eps, s);
        } catch (Throwable e) {
            throw Downcall.failed("mlx_fast_rms_norm", e);
        }
    }

    private static final class Link_mlx_fast_rms_norm {
        static final MethodHandle HANDLE = Downcall.link("mlx_fast_rms_norm", "JJJFJ)I");
    }

    public static int mlx_fast_rope(long res, long x, int dims, boolean traditional, long base, float scale, int offset, long freqs, long s) {
        try {
            return (int) Link_mlx_fast_rope.HANDLE.invokeExact(res, x, dims, traditional, base, scale, offset, freqs, s);
        } catch (Throwable e) {
            throw Downcall.failed("mlx_fast_rope", e);
        }
    }

    private static final class Link_mlx_fast_rope {
        static final MethodHandle HANDLE = Downcall.link("mlx_fast_rope", "JJIZJFIJJ)I");
    }

    public static int mlx_fast_rope_dynamic(long res, long x, int dims, boolean traditional, long base, float scale, long offset, long freqs, long s) {
        try {
            return (int) Link_mlx_fast_rope_dynamic.HANDLE.invokeExact(res, x, dims, traditional, base, scale, offset, freqs, s);
        } catch (Throwable e) {
            throw Downcall.failed("mlx_fast_rope_dynamic", e);
        }
    }

    private static final class Link_mlx_fast_rope_dynamic {
        static final MethodHandle HANDLE = Downcall.link("mlx_fast_rope_dynamic", "JJIZJFJJJ)I");
    }

    public static int mlx_fast_scaled_dot_product_attention(long res, long queries, long keys, long values, float scale, long mask_mode, long mask_arr, long sinks, boolean force_fused, long s) {
        try {
            return (int) Link_mlx_fast_scaled_dot_product_attention.HANDLE.invokeExact(res, queries, keys, values, scale, mask_mode, mask_arr, sinks, force_fused, s);
        } catch (Throwable e) {
            throw Downcall.failed("mlx_fast_scaled_dot_product_attention", e);
        }
    }

    private static final class Link_mlx_fast_scaled_dot_product_attention {
        static final MethodHandle HANDLE = Downcall.link("mlx_fast_scaled_dot_product_attention", "JJJJFJJJZJ)I");
    }

    public static int mlx_random_bits(long res, long shape, long shape_num, int width, long key, long s) {
        try {
            return (int) Link_mlx_random_bits.HANDLE.invokeExact(res, shape, shape_num, width, key, s);
        } catch (Throwable e) {
            throw Downcall.failed("mlx_random_bits", e);
        }
    }

    private static final class Link_mlx_random_bits {
        static final MethodHandle HANDLE = Downcall.link("mlx_random_bits", "JJJIJJ)I");
    }

    public static int mlx_random_gumbel(long res, long shape, long shape_num, int dtype, long key, long s) {
        try {
            return (int) Link_mlx_random_gumbel.HANDLE.invokeExact(res, shape, shape_num, dtype, key, s);
        } catch (Throwable e) {
            throw Downcall.failed("mlx_random_gumbel", e);
        }
    }

    private static final class Link_mlx_random_gumbel {
        static final MethodHandle HANDLE = Downcall.link("mlx_random_gumbel", "JJJIJJ)I");
    }

    public static int mlx_random_key(long res, long seed) {
        try {
            return (int) Link_mlx_random_key.HANDLE.invokeExact(res, seed);
        } catch (Throwable e) {
            throw Downcall.failed("mlx_random_key", e);
        }
    }

    private static final class Link_mlx_random_key {
        static final MethodHandle HANDLE = Downcall.link("mlx_random_key", "JJ)I");
    }

    public static int mlx_random_normal(long res, long shape, long shape_num, int dtype, float loc, float scale, long key, long s) {
        try {
            return (int) Link_mlx_random_normal.HANDLE.invokeExact(res, shape, shape_num, dtype, loc, scale, key, s);
        } catch (Throwable e) {
            throw Downcall.failed("mlx_random_normal", e);
        }
    }

    private static final class Link_mlx_random_normal {
        static final MethodHandle HANDLE = Downcall.link("mlx_random_normal", "JJJIFFJJ)I");
    }

    public static int mlx_random_split(long res_0, long res_1, long key, long s) {
        try {
            return (int) Link_mlx_random_split.HANDLE.invokeExact(res_0, res_1, key, s);
        } catch (Throwable e) {
            throw Downcall.failed("mlx_random_split", e);
        }
    }

    private static final class Link_mlx_random_split {
        static final MethodHandle HANDLE = Downcall.link("mlx_random_split", "JJJJ)I");
    }

    public static int mlx_depends(long res, long inputs, long dependencies) {
        try {
            return (int) Link_mlx_depends.HANDLE.invokeExact(res, inputs, dependencies);
        } catch (Throwable e) {
            throw Downcall.failed("mlx_depends", e);
        }
    }

    private static final class Link_mlx_depends {
        static final MethodHandle HANDLE = Downcall.link("mlx_depends", "JJJ)I");
    }

    public static long mlx_node_namer_new() {
        try {
            return (long) Link_mlx_node_namer_new.HANDLE.invokeExact();
        } catch (Throwable e) {
            throw Downcall.failed("mlx_node_namer_new", e);
        }
    }

    private static final class Link_mlx_node_namer_new {
        static final MethodHandle HANDLE = Downcall.link("mlx_node_namer_new", ")J");
    }

    public static int mlx_node_namer_free(long namer) {
        try {
            return (int) Link_mlx_node_namer_free.HANDLE.invokeExact(namer);
        } catch (Throwable e) {
            throw Downcall.failed("mlx_node_namer_free", e);
        }
    }

    private static final class Link_mlx_node_namer_free {
        static final MethodHandle HANDLE = Downcall.link("mlx_node_namer_free", "J)I");
    }

    public static int mlx_export_to_dot(long os, long namer, long outputs) {
        try {
            return (int) Link_mlx_export_to_dot.HANDLE.invokeExact(os, namer, outputs);
        } catch (Throwable e) {
            throw Downcall.failed("mlx_export_to_dot", e);
        }
    }

    private static final class Link_mlx_export_to_dot {
        static final MethodHandle HANDLE = Downcall.link("mlx_export_to_dot", "JJJ)I");
    }

    public static int mlx_vector_array_set_data(long vec, long data, long size) {
        try {
            return (int) Link_mlx_vector_array_set_data.HANDLE.invokeExact(vec, data, size);
        } catch (Throwable e) {
            throw Downcall.failed("mlx_vector_array_set_data", e);
        }
    }

    private static final class Link_mlx_vector_array_set_data {
        static final MethodHandle HANDLE = Downcall.link("mlx_vector_array_set_data", "JJJ)I");
    }

    public static long mlx_closure_new_func_payload(long fun, long payload, long dtor) {
        try {
            return (long) Link_mlx_closure_new_func_payload.HANDLE.invokeExact(fun, payload, dtor);
        } catch (Throwable e) {
            throw Downcall.failed("mlx_closure_new_func_payload", e);
        }
    }

    private static final class Link_mlx_closure_new_func_payload {
        static final MethodHandle HANDLE = Downcall.link("mlx_closure_new_func_payload", "JJJ)J");
    }

    public static int mlx_closure_apply(long res, long cls, long input) {
        try {
            return (int) Link_mlx_closure_apply.HANDLE.invokeExact(res, cls, input);
        } catch (Throwable e) {
            throw Downcall.failed("mlx_closure_apply", e);
        }
    }

    private static final class Link_mlx_closure_apply {
        static final MethodHandle HANDLE = Downcall.link("mlx_closure_apply", "JJJ)I");
    }

    public static int mlx_closure_free(long cls) {
        try {
            return (int) Link_mlx_closure_free.HANDLE.invokeExact(cls);
        } catch (Throwable e) {
            throw Downcall.failed("mlx_closure_free", e);
        }
    }

    private static final class Link_mlx_closure_free {
        static final MethodHandle HANDLE = Downcall.link("mlx_closure_free", "J)I");
    }

    public static int mlx_compile(long res, long fun, boolean shapeless) {
        try {
            return (int) Link_mlx_compile.HANDLE.invokeExact(res, fun, shapeless);
        } catch (Throwable e) {
            throw Downcall.failed("mlx_compile", e);
        }
    }

    private static final class Link_mlx_compile {
        static final MethodHandle HANDLE = Downcall.link("mlx_compile", "JJZ)I");
    }

    public static int mlx_metal_is_available(long res) {
        try {
            return (int) Link_mlx_metal_is_available.HANDLE.invokeExact(res);
        } catch (Throwable e) {
            throw Downcall.failed("mlx_metal_is_available", e);
        }
    }

    private static final class Link_mlx_metal_is_available {
        static final MethodHandle HANDLE = Downcall.link("mlx_metal_is_available", "J)I");
    }

    public static long mlx_vector_string_new_data(long data, long size) {
        try {
            return (long) Link_mlx_vector_string_new_data.HANDLE.invokeExact(data, size);
        } catch (Throwable e) {
            throw Downcall.failed("mlx_vector_string_new_data", e);
        }
    }

    private static final class Link_mlx_vector_string_new_data {
        static final MethodHandle HANDLE = Downcall.link("mlx_vector_string_new_data", "JJ)J");
    }

    public static int mlx_vector_string_free(long vec) {
        try {
            return (int) Link_mlx_vector_string_free.HANDLE.invokeExact(vec);
        } catch (Throwable e) {
            throw Downcall.failed("mlx_vector_string_free", e);
        }
    }

    private static final class Link_mlx_vector_string_free {
        static final MethodHandle HANDLE = Downcall.link("mlx_vector_string_free", "J)I");
    }

    public static long mlx_fast_metal_kernel_new(long name, long input_names, long output_names, long source, long header, boolean ensure_row_contiguous, boolean atomic_outputs) {
        try {
            return (long) Link_mlx_fast_metal_kernel_new.HANDLE.invokeExact(name, input_names, output_names, source, header, ensure_row_contiguous, atomic_outputs);
        } catch (Throwable e) {
            throw Downcall.failed("mlx_fast_metal_kernel_new", e);
        }
    }

    private static final class Link_mlx_fast_metal_kernel_new {
        static final MethodHandle HANDLE = Downcall.link("mlx_fast_metal_kernel_new", "JJJJJZZ)J");
    }

    public static void mlx_fast_metal_kernel_free(long cls) {
        try {
            Link_mlx_fast_metal_kernel_free.HANDLE.invokeExact(cls);
        } catch (Throwable e) {
            throw Downcall.failed("mlx_fast_metal_kernel_free", e);
        }
    }

    private static final class Link_mlx_fast_metal_kernel_free {
        static final MethodHandle HANDLE = Downcall.link("mlx_fast_metal_kernel_free", "J)V");
    }

    public static int mlx_fast_metal_kernel_apply(long outputs, long cls, long inputs, long config, long stream) {
        try {
            return (int) Link_mlx_fast_metal_kernel_apply.HANDLE.invokeExact(outputs, cls, inputs, config, stream);
        } catch (Throwable e) {
            throw Downcall.failed("mlx_fast_metal_kernel_apply", e);
        }
    }

    private static final class Link_mlx_fast_metal_kernel_apply {
        static final MethodHandle HANDLE = Downcall.link("mlx_fast_metal_kernel_apply", "JJJJJ)I");
    }

    public static long mlx_fast_metal_kernel_config_new() {
        try {
            return (long) Link_mlx_fast_metal_kernel_config_new.HANDLE.invokeExact();
        } catch (Throwable e) {
            throw Downcall.failed("mlx_fast_metal_kernel_config_new", e);
        }
    }

    private static final class Link_mlx_fast_metal_kernel_config_new {
        static final MethodHandle HANDLE = Downcall.link("mlx_fast_metal_kernel_config_new", ")J");
    }

    public static void mlx_fast_metal_kernel_config_free(long cls) {
        try {
            Link_mlx_fast_metal_kernel_config_free.HANDLE.invokeExact(cls);
        } catch (Throwable e) {
            throw Downcall.failed("mlx_fast_metal_kernel_config_free", e);
        }
    }

    private static final class Link_mlx_fast_metal_kernel_config_free {
        static final MethodHandle HANDLE = Downcall.link("mlx_fast_metal_kernel_config_free", "J)V");
    }

    public static int mlx_fast_metal_kernel_config_add_output_arg(long cls, long shape, long size, int dtype) {
        try {
            return (int) Link_mlx_fast_metal_kernel_config_add_output_arg.HANDLE.invokeExact(cls, shape, size, dtype);
        } catch (Throwable e) {
            throw Downcall.failed("mlx_fast_metal_kernel_config_add_output_arg", e);
        }
    }

    private static final class Link_mlx_fast_metal_kernel_config_add_output_arg {
        static final MethodHandle HANDLE = Downcall.link("mlx_fast_metal_kernel_config_add_output_arg", "JJJI)I");
    }

    public static int mlx_fast_metal_kernel_config_set_grid(long cls, int grid1, int grid2, int grid3) {
        try {
            return (int) Link_mlx_fast_metal_kernel_config_set_grid.HANDLE.invokeExact(cls, grid1, grid2, grid3);
        } catch (Throwable e) {
            throw Downcall.failed("mlx_fast_metal_kernel_config_set_grid", e);
        }
    }

    private static final class Link_mlx_fast_metal_kernel_config_set_grid {
        static final MethodHandle HANDLE = Downcall.link("mlx_fast_metal_kernel_config_set_grid", "JIII)I");
    }

    public static int mlx_fast_metal_kernel_config_set_thread_group(long cls, int thread1, int thread2, int thread3) {
        try {
            return (int) Link_mlx_fast_metal_kernel_config_set_thread_group.HANDLE.invokeExact(cls, thread1, thread2, thread3);
        } catch (Throwable e) {
            throw Downcall.failed("mlx_fast_metal_kernel_config_set_thread_group", e);
        }
    }

    private static final class Link_mlx_fast_metal_kernel_config_set_thread_group {
        static final MethodHandle HANDLE = Downcall.link("mlx_fast_metal_kernel_config_set_thread_group", "JIII)I");
    }

    public static int mlx_fast_metal_kernel_config_add_template_arg_dtype(long cls, long name, int dtype) {
        try {
            return (int) Link_mlx_fast_metal_kernel_config_add_template_arg_dtype.HANDLE.invokeExact(cls, name, dtype);
        } catch (Throwable e) {
            throw Downcall.failed("mlx_fast_metal_kernel_config_add_template_arg_dtype", e);
        }
    }

    private static final class Link_mlx_fast_metal_kernel_config_add_template_arg_dtype {
        static final MethodHandle HANDLE = Downcall.link("mlx_fast_metal_kernel_config_add_template_arg_dtype", "JJI)I");
    }

    public static int mlx_fast_metal_kernel_config_add_template_arg_int(long cls, long name, int value) {
        try {
            return (int) Link_mlx_fast_metal_kernel_config_add_template_arg_int.HANDLE.invokeExact(cls, name, value);
        } catch (Throwable e) {
            throw Downcall.failed("mlx_fast_metal_kernel_config_add_template_arg_int", e);
        }
    }

    private static final class Link_mlx_fast_metal_kernel_config_add_template_arg_int {
        static final MethodHandle HANDLE = Downcall.link("mlx_fast_metal_kernel_config_add_template_arg_int", "JJI)I");
    }

    public static int mlx_distributed_init(long res, boolean strict, long bk) {
        try {
            return (int) Link_mlx_distributed_init.HANDLE.invokeExact(res, strict, bk);
        } catch (Throwable e) {
            throw Downcall.failed("mlx_distributed_init", e);
        }
    }

    private static final class Link_mlx_distributed_init {
        static final MethodHandle HANDLE = Downcall.link("mlx_distributed_init", "JZJ)I");
    }

    public static int mlx_distributed_group_rank(long group) {
        try {
            return (int) Link_mlx_distributed_group_rank.HANDLE.invokeExact(group);
        } catch (Throwable e) {
            throw Downcall.failed("mlx_distributed_group_rank", e);
        }
    }

    private static final class Link_mlx_distributed_group_rank {
        static final MethodHandle HANDLE = Downcall.link("mlx_distributed_group_rank", "J)I");
    }

    public static int mlx_distributed_group_size(long group) {
        try {
            return (int) Link_mlx_distributed_group_size.HANDLE.invokeExact(group);
        } catch (Throwable e) {
            throw Downcall.failed("mlx_distributed_group_size", e);
        }
    }

    private static final class Link_mlx_distributed_group_size {
        static final MethodHandle HANDLE = Downcall.link("mlx_distributed_group_size", "J)I");
    }

    public static int mlx_distributed_group_free(long group) {
        try {
            return (int) Link_mlx_distributed_group_free.HANDLE.invokeExact(group);
        } catch (Throwable e) {
            throw Downcall.failed("mlx_distributed_group_free", e);
        }
    }

    private static final class Link_mlx_distributed_group_free {
        static final MethodHandle HANDLE = Downcall.link("mlx_distributed_group_free", "J)I");
    }

    public static int mlx_distributed_all_sum(long res, long x, long group, long s) {
        try {
            return (int) Link_mlx_distributed_all_sum.HANDLE.invokeExact(res, x, group, s);
        } catch (Throwable e) {
            throw Downcall.failed("mlx_distributed_all_sum", e);
        }
    }

    private static final class Link_mlx_distributed_all_sum {
        static final MethodHandle HANDLE = Downcall.link("mlx_distributed_all_sum", "JJJJ)I");
    }

    public static int mlx_distributed_all_gather(long res, long x, long group, long S) {
        try {
            return (int) Link_mlx_distributed_all_gather.HANDLE.invokeExact(res, x, group, S);
        } catch (Throwable e) {
            throw Downcall.failed("mlx_distributed_all_gather", e);
        }
    }

    private static final class Link_mlx_distributed_all_gather {
        static final MethodHandle HANDLE = Downcall.link("mlx_distributed_all_gather", "JJJJ)I");
    }

    public static int mlx_distributed_send(long res, long x, int dst, long group, long s) {
        try {
            return (int) Link_mlx_distributed_send.HANDLE.invokeExact(res, x, dst, group, s);
        } catch (Throwable e) {
            throw Downcall.failed("mlx_distributed_send", e);
        }
    }

    private static final class Link_mlx_distributed_send {
        static final MethodHandle HANDLE = Downcall.link("mlx_distributed_send", "JJIJJ)I");
    }

    public static int mlx_distributed_recv(long res, long shape, long shape_num, int dtype, int src, long group, long s) {
        try {
            return (int) Link_mlx_distributed_recv.HANDLE.invokeExact(res, shape, shape_num, dtype, src, group, s);
        } catch (Throwable e) {
            throw Downcall.failed("mlx_distributed_recv", e);
        }
    }

    private static final class Link_mlx_distributed_recv {
        static final MethodHandle HANDLE = Downcall.link("mlx_distributed_recv", "JJJIIJJ)I");
    }
}
