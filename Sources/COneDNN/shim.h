// The part of oneDNN's C API that Cloze uses: a matrix product, prepared once for a shape and run many times.
//
// oneDNN 2 (Debian 12) first describes an operation and then creates it. oneDNN 3 does both in one call, and its
// descriptors are opaque. Only this file knows the difference.
#pragma once
#include <dnnl.h>
#include <stdlib.h>

// libgomp has no header of its own outside gcc's folder.
extern void omp_set_num_threads(int count);

typedef struct {
  dnnl_primitive_t primitive;
  dnnl_memory_t a, b, bias, c, scratch;
  // Bytes of scratch memory for a run.
  size_t scratch_size;
} cloze_product;

// c [m, n] = a [m, k] b [k, n] + bias [n], or c += a b if `accumulates`. Strides are in elements.
typedef struct {
  dnnl_dim_t m, n, k;
  dnnl_dim_t a_strides[2], b_strides[2], c_strides[2];
  dnnl_data_type_t input_type, output_type;
  int has_bias, accumulates;
} cloze_product_shape;

#if DNNL_VERSION_MAJOR >= 3
typedef dnnl_memory_desc_t cloze_descriptor;
static inline dnnl_status_t cloze_describe_any(
    cloze_descriptor *descriptor, dnnl_dim_t rows, dnnl_dim_t columns, dnnl_data_type_t type) {
  dnnl_dim_t dims[2] = {rows, columns};
  return dnnl_memory_desc_create_with_tag(descriptor, 2, dims, type, dnnl_format_tag_any);
}
// The layout of the right operand that a described product chose, and its bytes.
static inline dnnl_status_t cloze_weights_layout(
    const_dnnl_primitive_desc_t description, cloze_descriptor *layout, size_t *size) {
  const_dnnl_memory_desc_t chosen = dnnl_primitive_desc_query_md(description, dnnl_query_weights_md, 0);
  *size = dnnl_memory_desc_get_size(chosen);
  return dnnl_memory_desc_clone(layout, chosen);
}
static inline dnnl_status_t cloze_describe_copy(
    dnnl_primitive_desc_t *result, dnnl_engine_t engine, cloze_descriptor *from, cloze_descriptor *to) {
  return dnnl_reorder_primitive_desc_create(result, *from, engine, *to, engine, NULL);
}
static inline dnnl_status_t cloze_describe(
    cloze_descriptor *descriptor, dnnl_dim_t rows, dnnl_dim_t columns, const dnnl_dim_t *strides,
    dnnl_data_type_t type) {
  dnnl_dim_t dims[2] = {rows, columns};
  return dnnl_memory_desc_create_with_strides(descriptor, 2, dims, type, strides);
}
static inline void cloze_forget(cloze_descriptor *descriptor) { dnnl_memory_desc_destroy(*descriptor); }
static inline dnnl_status_t cloze_memory(dnnl_memory_t *memory, cloze_descriptor *descriptor, dnnl_engine_t engine) {
  return dnnl_memory_create(memory, *descriptor, engine, DNNL_MEMORY_NONE);
}
static inline dnnl_status_t cloze_describe_product(
    dnnl_primitive_desc_t *result, dnnl_engine_t engine, cloze_descriptor *a, cloze_descriptor *b,
    cloze_descriptor *bias, cloze_descriptor *c, dnnl_primitive_attr_t attributes) {
  return dnnl_matmul_primitive_desc_create(result, engine, *a, *b, bias ? *bias : NULL, *c, attributes);
}
static inline dnnl_status_t cloze_append_sum(dnnl_post_ops_t operations) {
  return dnnl_post_ops_append_sum(operations, 1.0f, 0, dnnl_data_type_undef);
}
static inline dnnl_status_t cloze_scratch(cloze_product *product, const_dnnl_primitive_desc_t d, dnnl_engine_t engine) {
  const_dnnl_memory_desc_t scratch = dnnl_primitive_desc_query_md(d, dnnl_query_scratchpad_md, 0);
  product->scratch_size = scratch ? dnnl_memory_desc_get_size(scratch) : 0;
  if (!product->scratch_size) return dnnl_success;
  return dnnl_memory_create(&product->scratch, scratch, engine, DNNL_MEMORY_NONE);
}
#else
typedef dnnl_memory_desc_t cloze_descriptor;
static inline dnnl_status_t cloze_describe_any(
    cloze_descriptor *descriptor, dnnl_dim_t rows, dnnl_dim_t columns, dnnl_data_type_t type) {
  dnnl_dim_t dims[2] = {rows, columns};
  return dnnl_memory_desc_init_by_tag(descriptor, 2, dims, type, dnnl_format_tag_any);
}
static inline dnnl_status_t cloze_weights_layout(
    const_dnnl_primitive_desc_t description, cloze_descriptor *layout, size_t *size) {
  *layout = *dnnl_primitive_desc_query_md(description, dnnl_query_weights_md, 0);
  *size = dnnl_memory_desc_get_size(layout);
  return dnnl_success;
}
static inline dnnl_status_t cloze_describe_copy(
    dnnl_primitive_desc_t *result, dnnl_engine_t engine, cloze_descriptor *from, cloze_descriptor *to) {
  return dnnl_reorder_primitive_desc_create(result, from, engine, to, engine, NULL);
}
static inline dnnl_status_t cloze_describe(
    cloze_descriptor *descriptor, dnnl_dim_t rows, dnnl_dim_t columns, const dnnl_dim_t *strides,
    dnnl_data_type_t type) {
  dnnl_dim_t dims[2] = {rows, columns};
  return dnnl_memory_desc_init_by_strides(descriptor, 2, dims, type, strides);
}
static inline void cloze_forget(cloze_descriptor *descriptor) { (void)descriptor; }
static inline dnnl_status_t cloze_memory(dnnl_memory_t *memory, cloze_descriptor *descriptor, dnnl_engine_t engine) {
  return dnnl_memory_create(memory, descriptor, engine, DNNL_MEMORY_NONE);
}
static inline dnnl_status_t cloze_describe_product(
    dnnl_primitive_desc_t *result, dnnl_engine_t engine, cloze_descriptor *a, cloze_descriptor *b,
    cloze_descriptor *bias, cloze_descriptor *c, dnnl_primitive_attr_t attributes) {
  dnnl_matmul_desc_t operation;
  dnnl_status_t status = dnnl_matmul_desc_init(&operation, a, b, bias, c);
  if (status != dnnl_success) return status;
  return dnnl_primitive_desc_create(result, &operation, attributes, engine, NULL);
}
static inline dnnl_status_t cloze_append_sum(dnnl_post_ops_t operations) {
  return dnnl_post_ops_append_sum(operations, 1.0f);
}
static inline dnnl_status_t cloze_scratch(cloze_product *product, const_dnnl_primitive_desc_t d, dnnl_engine_t engine) {
  const dnnl_memory_desc_t *scratch = dnnl_primitive_desc_query_md(d, dnnl_query_scratchpad_md, 0);
  product->scratch_size = scratch ? dnnl_memory_desc_get_size(scratch) : 0;
  if (!product->scratch_size) return dnnl_success;
  return dnnl_memory_create(&product->scratch, scratch, engine, DNNL_MEMORY_NONE);
}
#endif

// A copy of a right operand [k, n] into the layout that products of few rows read fastest.
typedef struct {
  dnnl_primitive_t copy;
  dnnl_memory_t plain, packed;
  cloze_descriptor layout;
  // Bytes of the copy.
  size_t size;
} cloze_packing;

// The layout is the one that oneDNN chooses for the product `s`, whatever its strides of b; a product with other rows takes
// it, too.
static inline dnnl_status_t cloze_packing_create(
    cloze_packing *packing, dnnl_engine_t engine, const cloze_product_shape *s) {
  cloze_descriptor a, any, plain, c;
  dnnl_primitive_desc_t description = NULL, copy = NULL;
  *packing = (cloze_packing){0};
  dnnl_status_t status = cloze_describe(&a, s->m, s->k, s->a_strides, s->input_type);
  if (status == dnnl_success) status = cloze_describe_any(&any, s->k, s->n, s->input_type);
  if (status == dnnl_success) status = cloze_describe(&plain, s->k, s->n, s->b_strides, s->input_type);
  if (status == dnnl_success) status = cloze_describe(&c, s->m, s->n, s->c_strides, s->output_type);
  if (status != dnnl_success) return status;
  status = cloze_describe_product(&description, engine, &a, &any, NULL, &c, NULL);
  if (status == dnnl_success) status = cloze_weights_layout(description, &packing->layout, &packing->size);
  if (status == dnnl_success) status = cloze_describe_copy(&copy, engine, &plain, &packing->layout);
  if (status == dnnl_success) status = dnnl_primitive_create(&packing->copy, copy);
  if (status == dnnl_success) status = cloze_memory(&packing->plain, &plain, engine);
  if (status == dnnl_success) status = cloze_memory(&packing->packed, &packing->layout, engine);
  if (description) dnnl_primitive_desc_destroy(description);
  if (copy) dnnl_primitive_desc_destroy(copy);
  cloze_forget(&a), cloze_forget(&any), cloze_forget(&plain), cloze_forget(&c);
  return status;
}

static inline dnnl_status_t cloze_packing_run(
    const cloze_packing *packing, dnnl_stream_t stream, void *plain, void *packed) {
  dnnl_memory_set_data_handle(packing->plain, plain);
  dnnl_memory_set_data_handle(packing->packed, packed);
  dnnl_exec_arg_t arguments[2] = {{DNNL_ARG_FROM, packing->plain}, {DNNL_ARG_TO, packing->packed}};
  return dnnl_primitive_execute(packing->copy, stream, 2, arguments);
}

static inline void cloze_packing_destroy(cloze_packing *packing) {
  if (packing->plain) dnnl_memory_destroy(packing->plain);
  if (packing->packed) dnnl_memory_destroy(packing->packed), cloze_forget(&packing->layout);
  if (packing->copy) dnnl_primitive_destroy(packing->copy);
}

// `packing` says in which layout b is; NULL: in that of its strides.
static inline dnnl_status_t cloze_product_create(
    cloze_product *product, dnnl_engine_t engine, const cloze_product_shape *s, cloze_packing *packing) {
  const dnnl_dim_t bias_strides[2] = {s->n, 1};
  cloze_descriptor a, b, c, bias;
  dnnl_primitive_desc_t description = NULL;
  dnnl_primitive_attr_t attributes = NULL;
  dnnl_post_ops_t operations = NULL;
  *product = (cloze_product){0};
  dnnl_status_t status = cloze_describe(&a, s->m, s->k, s->a_strides, s->input_type);
  if (status == dnnl_success) status = cloze_describe(&b, s->k, s->n, s->b_strides, s->input_type);
  if (status == dnnl_success) status = cloze_describe(&c, s->m, s->n, s->c_strides, s->output_type);
  if (status == dnnl_success) status = cloze_describe(&bias, 1, s->n, bias_strides, dnnl_f32);
  if (status != dnnl_success) return status;
  dnnl_primitive_attr_create(&attributes);
  // With the default mode each prepared product would keep scratch memory of its own.
  dnnl_primitive_attr_set_scratchpad_mode(attributes, dnnl_scratchpad_mode_user);
  if (s->accumulates) {
    dnnl_post_ops_create(&operations);
    cloze_append_sum(operations);
    dnnl_primitive_attr_set_post_ops(attributes, operations);
  }
  status = cloze_describe_product(&description, engine, &a, packing ? &packing->layout : &b, s->has_bias ? &bias : NULL, &c, attributes);
  if (status == dnnl_success) status = dnnl_primitive_create(&product->primitive, description);
  if (status == dnnl_success) status = cloze_memory(&product->a, &a, engine);
  if (status == dnnl_success) status = cloze_memory(&product->b, packing ? &packing->layout : &b, engine);
  if (status == dnnl_success) status = cloze_memory(&product->c, &c, engine);
  if (status == dnnl_success && s->has_bias) status = cloze_memory(&product->bias, &bias, engine);
  if (status == dnnl_success) status = cloze_scratch(product, description, engine);
  if (description) dnnl_primitive_desc_destroy(description);
  if (operations) dnnl_post_ops_destroy(operations);
  dnnl_primitive_attr_destroy(attributes);
  cloze_forget(&a), cloze_forget(&b), cloze_forget(&c), cloze_forget(&bias);
  return status;
}

static inline dnnl_status_t cloze_product_run(
    const cloze_product *product, dnnl_stream_t stream, void *a, void *b, void *bias, void *c, void *scratch) {
  dnnl_memory_set_data_handle(product->a, a);
  dnnl_memory_set_data_handle(product->b, b);
  dnnl_memory_set_data_handle(product->c, c);
  dnnl_exec_arg_t arguments[5] = {
      {DNNL_ARG_SRC, product->a}, {DNNL_ARG_WEIGHTS, product->b}, {DNNL_ARG_DST, product->c}, {0, NULL}};
  int count = 3;
  if (product->bias) {
    dnnl_memory_set_data_handle(product->bias, bias);
    arguments[count++] = (dnnl_exec_arg_t){DNNL_ARG_BIAS, product->bias};
  }
  if (product->scratch) {
    dnnl_memory_set_data_handle(product->scratch, scratch);
    arguments[count++] = (dnnl_exec_arg_t){DNNL_ARG_SCRATCHPAD, product->scratch};
  }
  return dnnl_primitive_execute(product->primitive, stream, count, arguments);
}

static inline void cloze_product_destroy(cloze_product *product) {
  if (product->a) dnnl_memory_destroy(product->a);
  if (product->b) dnnl_memory_destroy(product->b);
  if (product->c) dnnl_memory_destroy(product->c);
  if (product->bias) dnnl_memory_destroy(product->bias);
  if (product->scratch) dnnl_memory_destroy(product->scratch);
  if (product->primitive) dnnl_primitive_destroy(product->primitive);
}
