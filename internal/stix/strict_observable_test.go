package stix_test

const (
	sha256hex = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
	notTime   = "must be an RFC 3339 time in UTC, such as 2020-01-20T12:34:56.000Z"
)

var observableCases = []strictCase{
	{"artifact", `"payload_bin":"aGFuc29t"`, `"mime_type":"text/plain","encryption_algorithm":"AES-256-GCM","decryption_key":"k","hashes":{"SHA-256":"` + sha256hex + `"}`, []badCase{
		{`"created":"2020-01-20T12:34:56.000Z"`, "created: not allowed by STIX 2.1 for artifact"},
		{`"url":"https://example.com/a"`, "url: not allowed together with payload_bin"},
		{`"payload_bin":null`, "payload_bin: payload_bin or url is required"},
		{`"payload_bin":null,"url":"https://example.com/a"`, ""},
		{`"payload_bin":null,"url":"https://example.com/a","hashes":null`, "hashes: required where url is given"},
		{`"payload_bin":"a b"`, "payload_bin: must be base64"},
		{`"mime_type":"text"`, "mime_type: must be a media type"},
		{`"encryption_algorithm":"rot13"`, `encryption_algorithm: must be one of AES-256-GCM, ChaCha20-Poly1305, mime-type-indicated, not "rot13"`},
		{`"encryption_algorithm":null`, "encryption_algorithm: required where decryption_key is given"},
		{`"hashes":{"SHA-256":"e3b0"}`, "hashes.SHA-256: must have 64 hexadecimal digits"},
		{`"hashes":{}`, "hashes: must not be empty"},
		{`"hashes":{"MD5":1}`, "hashes.MD5: must be a string"},
	}},
	{"autonomous-system", `"number":0`, `"number":4294967295,"name":"a","rir":"r"`, []badCase{
		{`"number":-1`, "number: must be an integer from 0 to 4294967295"},
		{`"number":4294967296`, "number: must be an integer from 0 to 4294967295"},
		{`"number":"15139"`, "number: must be an integer from 0 to 4294967295"},
	}},
	{"directory", `"path":"/usr"`, `"path_enc":"utf-8","mtime":"2020-01-01T00:00:00Z","contains_refs":["@file","@directory"]`, []badCase{
		{`"contains_refs":["@url"]`, `contains_refs[0]: must refer to file, directory, not "url"`},
		{`"ctime":"today"`, "ctime: " + notTime},
	}},
	{"domain-name", `"value":"example.com"`, `"value":"_dmarc.xn--bcher-kva.example.","resolves_to_refs":["@ipv4-addr","@ipv6-addr","@domain-name"]`, []badCase{
		{`"value":"https://example.com"`, "value: must be a domain name"},
		{`"value":"a..b"`, "value: must be a domain name"},
		{`"value":""`, "value: must be a domain name"},
		{`"value":"bücher.example"`, ""},
		{`"resolves_to_refs":["@mac-addr"]`, `resolves_to_refs[0]: must refer to ipv4-addr, ipv6-addr, domain-name, not "mac-addr"`},
	}},
	{"email-addr", `"value":"jane@example.com"`, `"display_name":"Jane","belongs_to_ref":"@user-account"`, []badCase{
		{`"value":"Jane <jane@example.com>"`, "value: must be an e-mail address"},
		{`"value":"jane"`, "value: must be an e-mail address"},
		{`"value":"@example.com"`, "value: must be an e-mail address"},
		{`"belongs_to_ref":"@identity"`, `belongs_to_ref: must refer to user-account, not "identity"`},
	}},
	{"email-message", `"is_multipart":false`, `"is_multipart":true,"date":"2020-01-01T00:00:00Z","from_ref":"@email-addr","to_refs":["@email-addr"],"received_lines":["a"],
		"additional_header_fields":{"Reply-To":["a","b"]},"body_multipart":[{"body":"a","content_type":"text/plain"},{"body_raw_ref":"@file"}],"raw_email_ref":"@artifact"`, []badCase{
		{`"body":"a"`, "body: not allowed where is_multipart is true"},
		{`"is_multipart":false`, "body_multipart: not allowed where is_multipart is false"},
		{`"is_multipart":false,"body_multipart":null,"body":"a"`, ""},
		{`"body_multipart":[{"content_type":"text/plain"}]`, "body_multipart[0].body: at least one of body, body_raw_ref is required"},
		{`"to_refs":["@identity"]`, `to_refs[0]: must refer to email-addr, not "identity"`},
		{`"raw_email_ref":"@file"`, `raw_email_ref: must refer to artifact, not "file"`},
		{`"additional_header_fields":{"Reply To":"a"}`, `additional_header_fields: key "Reply To" must have 1 to 250 characters of a-z, A-Z, 0-9, - and _`},
	}},
	{"file", `"name":"a"`, `"hashes":{"MD5":"d41d8cd98f00b204e9800998ecf8427e","SHA-256":"` + sha256hex + `"},"size":0,"magic_number_hex":"4D5a","mime_type":"application/pdf",
		"parent_directory_ref":"@directory","contains_refs":["@file","@x-acme"],"content_ref":"@artifact","extensions":{
		"archive-ext":{"contains_refs":["@file"],"comment":"c"},"ntfs-ext":{"sid":"s","alternate_data_streams":[{"name":"n","size":1}]},
		"pdf-ext":{"version":"1.7","is_optimized":true,"document_info_dict":{"Title":"t"}},"raster-image-ext":{"image_height":1,"exif_tags":{"Make":"m"}},
		"windows-pebinary-ext":{"pe_type":"dll","machine_hex":"014c","optional_header":{"magic_hex":"010b"},"sections":[{"name":"CODE","entropy":0.06}]}}`, []badCase{
		{`"name":null,"hashes":null`, "hashes: at least one of hashes, name is required"},
		{`"size":-1`, "size: must be an integer from 0 to 9007199254740991"},
		{`"size":9007199254740992`, "size: must be an integer from 0 to 9007199254740991"},
		{`"magic_number_hex":"4D5"`, "magic_number_hex: must be hexadecimal digits in pairs"},
		{`"contains_refs":["@malware"]`, `contains_refs[0]: must refer to a cyber-observable object, not "malware"`},
		{`"content_ref":"@file"`, `content_ref: must refer to artifact, not "file"`},
		{`"extensions":{"archive-ext":{"comment":"c"}}`, "extensions.archive-ext.contains_refs: required by STIX 2.1 for archive-ext"},
		{`"extensions":{"ntfs-ext":{"alternate_data_streams":[{"size":1}]}}`, "extensions.ntfs-ext.alternate_data_streams[0].name: required by STIX 2.1 for alternate-data-stream-type"},
		{`"extensions":{"windows-pebinary-ext":{"sections":[{"name":1}]}}`, "extensions.windows-pebinary-ext.pe_type: required by STIX 2.1 for windows-pebinary-ext; extensions.windows-pebinary-ext.sections[0].name: must be a string"},
		{`"extensions":{"pdf-ext":"a"}`, "extensions.pdf-ext: must be an object"},
	}},
	{"ipv4-addr", `"value":"192.0.2.1"`, `"value":"192.0.2.0/24","resolves_to_refs":["@mac-addr"],"belongs_to_refs":["@autonomous-system"]`, []badCase{
		{`"value":"192.0.2.256"`, "value: must be an IPv4 address or a CIDR block"},
		{`"value":"192.0.2.1/33"`, "value: must be an IPv4 address or a CIDR block"},
		{`"value":"2001:db8::1"`, "value: must be an IPv4 address or a CIDR block"},
		{`"resolves_to_refs":["@domain-name"]`, `resolves_to_refs[0]: must refer to mac-addr, not "domain-name"`},
		{`"belongs_to_refs":[]`, "belongs_to_refs: must not be an empty list"},
	}},
	{"ipv6-addr", `"value":"2001:db8::1"`, `"value":"2001:DB8::/32","belongs_to_refs":["@autonomous-system"]`, []badCase{
		{`"value":"192.0.2.1"`, "value: must be an IPv6 address or a CIDR block"},
		{`"value":"fe80::1%eth0"`, "value: must be an IPv6 address or a CIDR block"},
		{`"value":"2001:db8::1/129"`, "value: must be an IPv6 address or a CIDR block"},
	}},
}

var moreObservableCases = []strictCase{
	{"mac-addr", `"value":"d2:fb:49:24:37:18"`, ``, []badCase{
		{`"value":"D2:FB:49:24:37:18"`, "value: must be a lower-case MAC address with colons"},
		{`"value":"d2-fb-49-24-37-18"`, "value: must be a lower-case MAC address with colons"},
		{`"value":"d2:fb:49:24:37:1"`, "value: must be a lower-case MAC address with colons"},
	}},
	{"mutex", `"name":"a"`, `"defanged":true`, []badCase{nameBad, {`"defanged":"yes"`, "defanged: must be true or false"}}},
	{"network-traffic", `"protocols":["tcp"],"src_ref":"@ipv4-addr"`, `"src_ref":"@mac-addr","dst_ref":"@domain-name","src_port":0,"dst_port":65535,"is_active":false,
		"start":"2020-01-01T00:00:00Z","end":"2020-01-01T00:00:00Z","src_byte_count":1,"ipfix":{"a":1},"src_payload_ref":"@artifact","encapsulates_refs":["@network-traffic"],
		"extensions":{"http-request-ext":{"request_method":"get","request_value":"/a","request_header":{"Accept":["*/*"]}},"icmp-ext":{"icmp_type_hex":"08","icmp_code_hex":"00"},
		"socket-ext":{"address_family":"AF_INET","socket_type":"SOCK_STREAM","options":{"SO_X":1}},"tcp-ext":{"src_flags_hex":"02"}}`, []badCase{
		{`"src_ref":null,"dst_ref":null`, "src_ref: at least one of src_ref, dst_ref is required"},
		{`"src_ref":"@url"`, `src_ref: must refer to ipv4-addr, ipv6-addr, mac-addr, domain-name, not "url"`},
		{`"dst_port":65536`, "dst_port: must be an integer from 0 to 65535"},
		{`"src_port":-1`, "src_port: must be an integer from 0 to 65535"},
		{`"is_active":true`, "end: not allowed where is_active is true"},
		{`"end":"2019-01-01T00:00:00Z"`, "end: must not be before start"},
		{`"ipfix":{"a":null}`, "ipfix.a: must not be null"},
		{`"protocols":[]`, "protocols: must not be an empty list"},
		{`"src_byte_count":-1`, "src_byte_count: must be an integer from 0 to 9007199254740991"},
		{`"src_payload_ref":"@file"`, `src_payload_ref: must refer to artifact, not "file"`},
		{`"extensions":{"http-request-ext":{"request_method":"get"}}`, "extensions.http-request-ext.request_value: required by STIX 2.1 for http-request-ext"},
		{`"extensions":{"socket-ext":{"address_family":"INET","socket_type":"SOCK_SEQ"}}`, `extensions.socket-ext.address_family: must be one of AF_UNSPEC, AF_INET, AF_IPX, AF_APPLETALK, AF_NETBIOS, AF_INET6, AF_IRDA, AF_BTH, not "INET"; ` +
			`extensions.socket-ext.socket_type: must be one of SOCK_STREAM, SOCK_DGRAM, SOCK_RAW, SOCK_RDM, SOCK_SEQPACKET, not "SOCK_SEQ"`},
		{`"extensions":{"icmp-ext":{"icmp_type_hex":"8","icmp_code_hex":"00"}}`, "extensions.icmp-ext.icmp_type_hex: must be hexadecimal digits in pairs"},
	}},
	{"process", `"pid":314`, `"is_hidden":false,"created_time":"2020-01-01T00:00:00Z","environment_variables":{"PATH":"/bin"},"opened_connection_refs":["@network-traffic"],
		"creator_user_ref":"@user-account","image_ref":"@file","parent_ref":"@process","child_refs":["@process"],
		"extensions":{"windows-process-ext":{"aslr_enabled":true,"integrity_level":"low"},"windows-service-ext":{"service_name":"s","start_type":"SERVICE_AUTO_START"}}`, []badCase{
		{`"pid":"1"`, "pid: must be an integer from -9007199254740991 to 9007199254740991"},
		{`"image_ref":"@artifact"`, `image_ref: must refer to file, not "artifact"`},
		{`"environment_variables":{"PATH":1}`, "environment_variables.PATH: must be a string"},
		{`"extensions":{"windows-process-ext":{"integrity_level":"none"}}`, `extensions.windows-process-ext.integrity_level: must be one of low, medium, high, system, not "none"`},
		{`"pid":null,"is_hidden":null,"created_time":null,"environment_variables":null,"opened_connection_refs":null,"creator_user_ref":null,"image_ref":null,"parent_ref":null,"child_refs":null,"extensions":null`,
			"pid: at least one of pid, command_line, cwd, created_time, environment_variables, image_ref, is_hidden, opened_connection_refs, creator_user_ref, parent_ref, child_refs, extensions is required"},
	}},
	{"software", `"name":"a"`, `"cpe":"cpe:2.3:a:acme:tool:1.0:*:*:*:*:*:*:*","swid":"s","languages":["en"],"vendor":"v","version":"1"`, []badCase{
		nameBad, {`"cpe":"cpe:/a:acme:tool"`, "cpe: must be a CPE 2.3 name"}, {`"languages":[]`, "languages: must not be an empty list"},
	}},
	{"url", `"value":"https://example.com/research/index.html"`, `"value":"http://192.0.2.1:8080/a%20b?c=d#e"`, []badCase{
		{`"value":"example.com/a"`, "value: must be an RFC 3986 URL"},
		{`"value":"http://a/%zz"`, "value: must be an RFC 3986 URL"},
		{`"value":1`, "value: must be a string"},
	}},
	{"user-account", `"user_id":"1001"`, `"account_login":"jane","is_privileged":false,"account_created":"2020-01-01T00:00:00Z","extensions":{"unix-account-ext":{"gid":1001,"groups":["wheel"]}}`, []badCase{
		{`"is_privileged":0`, "is_privileged: must be true or false"},
		{`"account_created":"2020"`, "account_created: " + notTime},
		{`"extensions":{"unix-account-ext":{"gid":"a"}}`, "extensions.unix-account-ext.gid: must be an integer from -9007199254740991 to 9007199254740991"},
		{`"user_id":null,"account_login":null,"is_privileged":null,"account_created":null,"extensions":null`,
			"user_id: at least one of user_id, account_login, credential, account_type, display_name, is_service_account, is_privileged, can_escalate_privs, is_disabled, account_created, account_expires, credential_last_changed, account_first_login, account_last_login, extensions is required"},
	}},
	{"windows-registry-key", `"key":"HKEY_LOCAL_MACHINE\\System\\Foo"`, `"values":[{"name":"a","data":"b","data_type":"REG_SZ"}],"modified_time":"2020-01-01T00:00:00Z","number_of_subkeys":2,"creator_user_ref":"@user-account"`, []badCase{
		{`"values":[{"data_type":"REG_TEXT"}]`, `values[0].data_type: must be one of REG_NONE, REG_SZ, REG_EXPAND_SZ, REG_BINARY, REG_DWORD, REG_DWORD_BIG_ENDIAN, REG_DWORD_LITTLE_ENDIAN, REG_LINK, REG_MULTI_SZ, REG_RESOURCE_LIST, REG_FULL_RESOURCE_DESCRIPTION, REG_RESOURCE_REQUIREMENTS_LIST, REG_QWORD, REG_INVALID_TYPE, not "REG_TEXT"`},
		{`"values":[{"x_other":1}]`, "values[0].name: at least one of name, data, data_type is required"},
		{`"key":null,"values":null,"modified_time":null,"number_of_subkeys":null,"creator_user_ref":null`, "key: at least one of key, values, modified_time, creator_user_ref, number_of_subkeys is required"},
	}},
	{"x509-certificate", `"serial_number":"36:f7"`, `"is_self_signed":false,"hashes":{"SHA-256":"` + sha256hex + `"},"validity_not_before":"2020-01-01T00:00:00Z","subject_public_key_exponent":65537,
		"x509_v3_extensions":{"basic_constraints":"c","private_key_usage_period_not_after":"2020-01-01T00:00:00Z"}`, []badCase{
		{`"validity_not_after":"soon"`, "validity_not_after: " + notTime},
		{`"x509_v3_extensions":{"key_usage":["a"]}`, "x509_v3_extensions.key_usage: must be a string"},
		{`"x509_v3_extensions":[]`, "x509_v3_extensions: must be an object"},
		{`"serial_number":null,"is_self_signed":null,"hashes":null,"validity_not_before":null,"subject_public_key_exponent":null,"x509_v3_extensions":null`,
			"serial_number: at least one of serial_number, hashes, subject, issuer, version, is_self_signed, signature_algorithm, validity_not_before, validity_not_after, subject_public_key_algorithm, subject_public_key_modulus, subject_public_key_exponent, x509_v3_extensions is required"},
	}},
}
