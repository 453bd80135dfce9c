package stix

import "math"

// observableObjects are the 18 SCOs (STIX 2.1 section 6).
var observableObjects = map[string]schema{
	"artifact": {
		properties: kinds{
			"mime_type": mimeText, "payload_bin": base64Bytes, "url": urlText, "hashes": hashes,
			"encryption_algorithm": enum("AES-256-GCM", "ChaCha20-Poly1305", "mime-type-indicated"),
			"decryption_key":       text,
		},
		rules: []rule{
			oneOf("payload_bin", "url"), needs("url", "hashes"), needs("decryption_key", "encryption_algorithm"),
		},
	},
	"autonomous-system": {
		required:   []string{"number"},
		properties: kinds{"number": integer(0, math.MaxUint32), "name": text, "rir": text},
	},
	"directory": {
		required: []string{"path"},
		properties: kinds{
			"path": text, "path_enc": text, "ctime": timestamp, "mtime": timestamp, "atime": timestamp,
			"contains_refs": list(refTo("file", "directory")),
		},
	},
	"domain-name": {
		required: []string{"value"},
		properties: kinds{
			"value": domainText, "resolves_to_refs": list(refTo("ipv4-addr", "ipv6-addr", "domain-name")),
		},
	},
	"email-addr": {
		required:   []string{"value"},
		properties: kinds{"value": emailText, "display_name": text, "belongs_to_ref": refTo("user-account")},
	},
	"email-message": {
		required: []string{"is_multipart"},
		properties: kinds{
			"is_multipart": boolean, "date": timestamp, "content_type": text,
			"from_ref": refTo("email-addr"), "sender_ref": refTo("email-addr"),
			"to_refs": list(refTo("email-addr")), "cc_refs": list(refTo("email-addr")),
			"bcc_refs": list(refTo("email-addr")), "message_id": text, "subject": text,
			"received_lines": texts, "additional_header_fields": dictionary(anything),
			"body": text, "body_multipart": list(nested(mimePart)), "raw_email_ref": refTo("artifact"),
		},
		rules: []rule{notWith("body", "is_multipart", true), notWith("body_multipart", "is_multipart", false)},
	},
	"file": {
		properties: kinds{
			"hashes": hashes, "size": natural, "name": text, "name_enc": text,
			"magic_number_hex": hexBytes, "mime_type": mimeText,
			"ctime": timestamp, "mtime": timestamp, "atime": timestamp,
			"parent_directory_ref": refTo("directory"), "contains_refs": list(refToObservable),
			"content_ref": refTo("artifact"),
		},
		rules: []rule{anyOf("hashes", "name")},
	},
	"ipv4-addr": {
		required: []string{"value"},
		properties: kinds{
			"value": ipv4Text, "resolves_to_refs": list(refTo("mac-addr")),
			"belongs_to_refs": list(refTo("autonomous-system")),
		},
	},
	"ipv6-addr": {
		required: []string{"value"},
		properties: kinds{
			"value": ipv6Text, "resolves_to_refs": list(refTo("mac-addr")),
			"belongs_to_refs": list(refTo("autonomous-system")),
		},
	},
	"mac-addr": {required: []string{"value"}, properties: kinds{"value": macText}},
	"mutex":    {required: []string{"name"}, properties: kinds{"name": text}},
	"network-traffic": {
		required: []string{"protocols"},
		properties: kinds{
			"start": timestamp, "end": timestamp, "is_active": boolean,
			"src_ref": refToAddress, "dst_ref": refToAddress,
			"src_port": integer(0, math.MaxUint16), "dst_port": integer(0, math.MaxUint16),
			"protocols": texts, "src_byte_count": natural, "dst_byte_count": natural,
			"src_packets": natural, "dst_packets": natural, "ipfix": dictionary(anything),
			"src_payload_ref": refTo("artifact"), "dst_payload_ref": refTo("artifact"),
			"encapsulates_refs":   list(refTo("network-traffic")),
			"encapsulated_by_ref": refTo("network-traffic"),
		},
		rules: []rule{
			anyOf("src_ref", "dst_ref"), notBefore("start", "end"), notWith("end", "is_active", true),
		},
	},
	"process": {
		properties: kinds{
			"is_hidden": boolean, "pid": whole, "created_time": timestamp, "cwd": text,
			"command_line": text, "environment_variables": dictionary(text),
			"opened_connection_refs": list(refTo("network-traffic")),
			"creator_user_ref":       refTo("user-account"), "image_ref": refTo("file"),
			"parent_ref": refTo("process"), "child_refs": list(refTo("process")),
		},
		rules: []rule{anyOf("pid", "command_line", "cwd", "created_time", "environment_variables", "image_ref",
			"is_hidden", "opened_connection_refs", "creator_user_ref", "parent_ref", "child_refs", "extensions")},
	},
	"software": {
		required: []string{"name"},
		properties: kinds{
			"name": text, "cpe": cpeText, "swid": text, "languages": texts, "vendor": text, "version": text,
		},
	},
	"url": {required: []string{"value"}, properties: kinds{"value": urlText}},
	"user-account": {
		properties: kinds{
			"user_id": text, "credential": text, "account_login": text, "account_type": text,
			"display_name": text, "is_service_account": boolean, "is_privileged": boolean,
			"can_escalate_privs": boolean, "is_disabled": boolean,
			"account_created": timestamp, "account_expires": timestamp, "credential_last_changed": timestamp,
			"account_first_login": timestamp, "account_last_login": timestamp,
		},
		rules: []rule{anyOf("user_id", "account_login", "credential", "account_type", "display_name",
			"is_service_account", "is_privileged", "can_escalate_privs", "is_disabled", "account_created",
			"account_expires", "credential_last_changed", "account_first_login", "account_last_login", "extensions")},
	},
	"windows-registry-key": {
		properties: kinds{
			"key": text, "values": list(nested(registryValue)), "modified_time": timestamp,
			"creator_user_ref": refTo("user-account"), "number_of_subkeys": natural,
		},
		rules: []rule{anyOf("key", "values", "modified_time", "creator_user_ref", "number_of_subkeys")},
	},
	"x509-certificate": {
		properties: kinds{
			"is_self_signed": boolean, "hashes": hashes, "version": text, "serial_number": text,
			"signature_algorithm": text, "issuer": text, "validity_not_before": timestamp,
			"validity_not_after": timestamp, "subject": text, "subject_public_key_algorithm": text,
			"subject_public_key_modulus": text, "subject_public_key_exponent": whole,
			"x509_v3_extensions": nested(certificateExtensions),
		},
		rules: []rule{anyOf("serial_number", "hashes", "subject", "issuer", "version", "is_self_signed",
			"signature_algorithm", "validity_not_before", "validity_not_after", "subject_public_key_algorithm",
			"subject_public_key_modulus", "subject_public_key_exponent", "x509_v3_extensions")},
	},
}

var (
	natural = integer(0, maxInteger)
	whole   = integer(-maxInteger, maxInteger)
)

var mimePart = schema{ // section 6.6.2
	name: "email-mime-component",
	properties: kinds{
		"body": text, "body_raw_ref": refTo("artifact", "file"),
		"content_type": text, "content_disposition": text,
	},
	rules: []rule{anyOf("body", "body_raw_ref")},
}

var registryValue = schema{ // section 6.17.2
	name: "windows-registry-value-type",
	properties: kinds{"name": text, "data": text, "data_type": enum("REG_NONE", "REG_SZ", "REG_EXPAND_SZ",
		"REG_BINARY", "REG_DWORD", "REG_DWORD_BIG_ENDIAN", "REG_DWORD_LITTLE_ENDIAN", "REG_LINK", "REG_MULTI_SZ",
		"REG_RESOURCE_LIST", "REG_FULL_RESOURCE_DESCRIPTION", "REG_RESOURCE_REQUIREMENTS_LIST", "REG_QWORD",
		"REG_INVALID_TYPE")},
	rules: []rule{anyOf("name", "data", "data_type")},
}

var certificateExtensions = schema{ // section 6.18.2
	name: "x509-v3-extensions-type",
	properties: kinds{
		"basic_constraints": text, "name_constraints": text, "policy_constraints": text, "key_usage": text,
		"extended_key_usage": text, "subject_key_identifier": text, "authority_key_identifier": text,
		"subject_alternative_name": text, "issuer_alternative_name": text, "subject_directory_attributes": text,
		"crl_distribution_points": text, "inhibit_any_policy": text, "certificate_policies": text,
		"policy_mappings": text, "private_key_usage_period_not_before": timestamp,
		"private_key_usage_period_not_after": timestamp,
	},
}
