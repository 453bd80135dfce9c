package stix

// predefinedExtensions are the extensions of cyber-observables that STIX 2.1
// defines itself (section 6), by name.
var predefinedExtensions = map[string]schema{
	"archive-ext": {
		name: "archive-ext", required: []string{"contains_refs"},
		properties: kinds{"contains_refs": list(refTo("file", "directory")), "comment": text},
	},
	"ntfs-ext": {
		name:       "ntfs-ext",
		properties: kinds{"sid": text, "alternate_data_streams": list(nested(dataStream))},
	},
	"pdf-ext": {
		name: "pdf-ext",
		properties: kinds{
			"version": text, "is_optimized": boolean, "document_info_dict": dictionary(anything),
			"pdfid0": text, "pdfid1": text,
		},
	},
	"raster-image-ext": {
		name: "raster-image-ext",
		properties: kinds{
			"image_height": whole, "image_width": whole, "bits_per_pixel": whole, "exif_tags": dictionary(anything),
		},
	},
	"windows-pebinary-ext": {
		name: "windows-pebinary-ext", required: []string{"pe_type"},
		properties: kinds{
			"pe_type": text, "imphash": text, "machine_hex": hexBytes, "number_of_sections": natural,
			"time_date_stamp": timestamp, "pointer_to_symbol_table_hex": hexBytes, "number_of_symbols": natural,
			"size_of_optional_header": natural, "characteristics_hex": hexBytes, "file_header_hashes": hashes,
			"optional_header": nested(peOptionalHeader), "sections": list(nested(peSection)),
		},
	},
	"http-request-ext": {
		name: "http-request-ext", required: []string{"request_method", "request_value"},
		properties: kinds{
			"request_method": text, "request_value": text, "request_version": text,
			"request_header": dictionary(anything), "message_body_length": whole,
			"message_body_data_ref": refTo("artifact"),
		},
	},
	"icmp-ext": {
		name: "icmp-ext", required: []string{"icmp_type_hex", "icmp_code_hex"},
		properties: kinds{"icmp_type_hex": hexBytes, "icmp_code_hex": hexBytes},
	},
	"socket-ext": {
		name: "socket-ext", required: []string{"address_family"},
		properties: kinds{
			"address_family": enum("AF_UNSPEC", "AF_INET", "AF_IPX", "AF_APPLETALK", "AF_NETBIOS", "AF_INET6",
				"AF_IRDA", "AF_BTH"),
			"is_blocking": boolean, "is_listening": boolean, "options": dictionary(whole),
			"socket_type":       enum("SOCK_STREAM", "SOCK_DGRAM", "SOCK_RAW", "SOCK_RDM", "SOCK_SEQPACKET"),
			"socket_descriptor": natural, "socket_handle": whole,
		},
	},
	"tcp-ext": {
		name:       "tcp-ext",
		properties: kinds{"src_flags_hex": hexBytes, "dst_flags_hex": hexBytes},
	},
	"windows-process-ext": {
		name: "windows-process-ext",
		properties: kinds{
			"aslr_enabled": boolean, "dep_enabled": boolean, "priority": text, "owner_sid": text,
			"window_title": text, "startup_info": dictionary(anything),
			"integrity_level": enum("low", "medium", "high", "system"),
		},
	},
	"windows-service-ext": {
		name: "windows-service-ext",
		properties: kinds{
			"service_name": text, "descriptions": texts, "display_name": text, "group_name": text,
			"start_type": enum("SERVICE_AUTO_START", "SERVICE_BOOT_START", "SERVICE_DEMAND_START",
				"SERVICE_DISABLED", "SERVICE_SYSTEM_ALERT"),
			"service_dll_refs": list(refTo("file")),
			"service_type": enum("SERVICE_KERNEL_DRIVER", "SERVICE_FILE_SYSTEM_DRIVER",
				"SERVICE_WIN32_OWN_PROCESS", "SERVICE_WIN32_SHARE_PROCESS"),
			"service_status": enum("SERVICE_CONTINUE_PENDING", "SERVICE_PAUSE_PENDING", "SERVICE_PAUSED",
				"SERVICE_RUNNING", "SERVICE_START_PENDING", "SERVICE_STOP_PENDING", "SERVICE_STOPPED"),
		},
	},
	"unix-account-ext": {
		name:       "unix-account-ext",
		properties: kinds{"gid": whole, "groups": texts, "home_dir": text, "shell": text},
	},
}

var dataStream = schema{
	name: "alternate-data-stream-type", required: []string{"name"},
	properties: kinds{"name": text, "hashes": hashes, "size": natural},
}

var peSection = schema{
	name: "windows-pe-section-type", required: []string{"name"},
	properties: kinds{"name": text, "size": natural, "entropy": number(0, maxInteger), "hashes": hashes},
}

var peOptionalHeader = schema{
	name: "windows-pe-optional-header-type",
	properties: kinds{
		"magic_hex": hexBytes, "major_linker_version": whole, "minor_linker_version": whole,
		"size_of_code": natural, "size_of_initialized_data": natural, "size_of_uninitialized_data": natural,
		"address_of_entry_point": whole, "base_of_code": whole, "base_of_data": whole, "image_base": whole,
		"section_alignment": whole, "file_alignment": whole, "major_os_version": whole,
		"minor_os_version": whole, "major_image_version": whole, "minor_image_version": whole,
		"major_subsystem_version": whole, "minor_subsystem_version": whole, "win32_version_value_hex": hexBytes,
		"size_of_image": natural, "size_of_headers": natural, "checksum_hex": hexBytes,
		"subsystem_hex": hexBytes, "dll_characteristics_hex": hexBytes, "size_of_stack_reserve": natural,
		"size_of_stack_commit": natural, "size_of_heap_reserve": natural, "size_of_heap_commit": natural,
		"loader_flags_hex": hexBytes, "number_of_rva_and_sizes": whole, "hashes": hashes,
	},
}
