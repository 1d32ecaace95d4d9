import type { DescFile } from "@bufbuild/protobuf";
import {
  file_google_protobuf_any,
  file_google_protobuf_api,
  file_google_protobuf_descriptor,
  file_google_protobuf_duration,
  file_google_protobuf_empty,
  file_google_protobuf_field_mask,
  file_google_protobuf_source_context,
  file_google_protobuf_struct,
  file_google_protobuf_timestamp,
  file_google_protobuf_type,
  file_google_protobuf_wrappers,
} from "@bufbuild/protobuf/wkt";
import { file_conveyor_v1_group } from "../../gen/conveyor/v1/group_pb.ts";
import { file_conveyor_v1_job } from "../../gen/conveyor/v1/job_pb.ts";
import { file_conveyor_v1_job_service } from "../../gen/conveyor/v1/job_service_pb.ts";
import { file_conveyor_v1_options } from "../../gen/conveyor/v1/options_pb.ts";
import { file_conveyor_v1_queue_service } from "../../gen/conveyor/v1/queue_service_pb.ts";
import { file_conveyor_v1_worker_service } from "../../gen/conveyor/v1/worker_service_pb.ts";
import { file_google_rpc_code } from "../../gen/google/rpc/code_pb.ts";
import { file_google_rpc_error_details } from "../../gen/google/rpc/error_details_pb.ts";
import { file_google_rpc_status } from "../../gen/google/rpc/status_pb.ts";
import { file_grpc_health_v1_health } from "../../gen/grpc/health/v1/health_pb.ts";
import { file_grpc_reflection_v1_reflection } from "../../gen/grpc/reflection/v1/reflection_pb.ts";
import { file_grpc_reflection_v1alpha_reflection } from "../../gen/grpc/reflection/v1alpha/reflection_pb.ts";

/** The files that every broker knows: its own, the standard services, the well-known types and the error details. */
export const ownFiles: readonly DescFile[] = [
  file_google_protobuf_descriptor,
  file_google_protobuf_any,
  file_google_protobuf_duration,
  file_google_protobuf_empty,
  file_google_protobuf_field_mask,
  file_google_protobuf_source_context,
  file_google_protobuf_struct,
  file_google_protobuf_timestamp,
  file_google_protobuf_type,
  file_google_protobuf_api,
  file_google_protobuf_wrappers,
  file_google_rpc_code,
  file_google_rpc_status,
  file_google_rpc_error_details,
  file_grpc_health_v1_health,
  file_grpc_reflection_v1_reflection,
  file_grpc_reflection_v1alpha_reflection,
  file_conveyor_v1_options,
  file_conveyor_v1_group,
  file_conveyor_v1_job,
  file_conveyor_v1_job_service,
  file_conveyor_v1_worker_service,
  file_conveyor_v1_queue_service,
];
