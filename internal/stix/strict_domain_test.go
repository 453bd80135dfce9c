package stix_test

const seenTimes = `"first_seen":"2020-01-01T00:00:00Z","last_seen":"2020-01-01T00:00:00.0Z"`

const killChain = `"kill_chain_phases":[{"kill_chain_name":"a","phase_name":"b"}]`

var (
	seenBad = badCase{`"last_seen":"2019-12-31T23:59:59.999999Z"`, "last_seen: must not be before first_seen"}
	nameBad = badCase{`"name":["a"]`, "name: must be a string"}
)

var domainCases = []strictCase{
	{"attack-pattern", `"name":"a"`, `"description":"d","aliases":["b"],` + killChain, []badCase{
		nameBad,
		{`"aliases":"b"`, "aliases: must be a list"},
		{`"aliases":[1]`, "aliases[0]: must be a string"},
		{`"kill_chain_phases":[]`, "kill_chain_phases: must not be an empty list"},
		{`"kill_chain_phases":[{"phase_name":1}]`, "kill_chain_phases[0].kill_chain_name: required by STIX 2.1 for kill-chain-phase; kill_chain_phases[0].phase_name: must be a string"},
		{`"kill_chain_phases":["a"]`, "kill_chain_phases[0]: must be an object"},
	}},
	{"campaign", `"name":"a"`, `"objective":"o",` + seenTimes, []badCase{
		nameBad, seenBad,
		{`"first_seen":"2020-01-01"`, "first_seen: must be an RFC 3339 time in UTC, such as 2020-01-20T12:34:56.000Z"},
		{`"first_seen":1577836800`, "first_seen: must be a string"},
	}},
	{"course-of-action", `"name":"a"`, `"description":"d"`, []badCase{nameBad, {`"description":{}`, "description: must be a string"}}},
	{"grouping", `"context":"suspicious-activity","object_refs":["@indicator"]`, `"name":"a","object_refs":["@x-acme","@relationship","@url","@marking-definition"]`, []badCase{
		nameBad,
		{`"object_refs":[]`, "object_refs: must not be an empty list"},
		{`"object_refs":["@bundle"]`, `object_refs[0]: must refer to a STIX object, not "bundle"`},
		{`"object_refs":["a"]`, `object_refs[0]: must be an identifier: the type, two hyphens and a lower-case UUID, not "a"`},
	}},
	{"identity", `"name":"a"`, `"roles":["r"],"identity_class":"individual","sectors":["energy"],"contact_information":"c"`, []badCase{
		nameBad, {`"sectors":[]`, "sectors: must not be an empty list"},
	}},
	{"incident", `"name":"a"`, `"description":"d"`, []badCase{nameBad}},
	{"indicator", `"pattern":"[file:name = 'a']","pattern_type":"stix","valid_from":"2020-01-01T00:00:00Z"`,
		`"valid_until":"2020-01-01T00:00:00.000000001Z","indicator_types":["benign"],"pattern_version":"2.1",` + killChain, []badCase{
			{`"valid_until":"2020-01-01T00:00:00.000Z"`, "valid_until: must be later than valid_from"},
			{`"valid_from":"2020-01-02T00:00:00Z"`, "valid_until: must be later than valid_from"},
			{`"indicator_types":"benign"`, "indicator_types: must be a list"},
			{`"pattern":null,"valid_from":null`, "pattern: required by STIX 2.1 for indicator; valid_from: required by STIX 2.1 for indicator"},
		}},
	{"infrastructure", `"name":"a"`, `"infrastructure_types":["botnet"],` + seenTimes, []badCase{nameBad, seenBad}},
	{"intrusion-set", `"name":"a"`, `"goals":["g"],"resource_level":"club","primary_motivation":"ideology",` + seenTimes, []badCase{
		nameBad, seenBad, {`"secondary_motivations":[]`, "secondary_motivations: must not be an empty list"},
	}},
	{"location", `"region":"northern-europe"`, `"latitude":-90,"longitude":180.0,"precision":0,"city":"c"`, []badCase{
		{`"latitude":-90.1`, "latitude: must be a number from -90 to 90"},
		{`"latitude":"1"`, "latitude: must be a number from -90 to 90"},
		{`"longitude":180.5`, "longitude: must be a number from -180 to 180"},
		{`"precision":-1`, "precision: must be a number from 0 to 9.007199254740991e+15"},
		{`"longitude":null`, "longitude: required where latitude is given; longitude: required where precision is given"},
		{`"latitude":null,"precision":null`, "latitude: required where longitude is given"},
		{`"region":null,"latitude":null,"longitude":null,"precision":null`, "region: at least one of region, country, latitude, longitude is required"},
	}},
	{"malware", `"is_family":false`, `"name":"a","is_family":true,"operating_system_refs":["@software"],"sample_refs":["@file","@artifact"],` + seenTimes, []badCase{
		seenBad,
		{`"name":null`, "name: required where is_family is true"},
		{`"is_family":"no"`, "is_family: must be true or false"},
		{`"sample_refs":["@url"]`, `sample_refs[0]: must refer to artifact, file, not "url"`},
		{`"operating_system_refs":["@tool"]`, `operating_system_refs[0]: must refer to software, not "tool"`},
	}},
	{"malware-analysis", `"product":"a","result":"benign"`, `"analysis_sco_refs":["@file","@x-acme"],"sample_ref":"@network-traffic","host_vm_ref":"@software","submitted":"2020-01-01T00:00:00Z"`, []badCase{
		{`"result":null,"analysis_sco_refs":null`, "result: at least one of result, analysis_sco_refs is required"},
		{`"analysis_sco_refs":["@malware"]`, `analysis_sco_refs[0]: must refer to a cyber-observable object, not "malware"`},
		{`"sample_ref":"@malware"`, `sample_ref: must refer to artifact, file, network-traffic, not "malware"`},
		{`"modules":[]`, "modules: must not be an empty list"},
	}},
	{"note", `"content":"c","object_refs":["@report"]`, `"abstract":"a","authors":["b"]`, []badCase{
		{`"object_refs":[]`, "object_refs: must not be an empty list"},
		{`"content":1`, "content: must be a string"},
	}},
	{"observed-data", `"first_observed":"2020-01-01T00:00:00Z","last_observed":"2020-01-01T00:00:00Z","number_observed":1,"object_refs":["@file"]`,
		`"number_observed":999999999,"object_refs":["@relationship","@x-acme","@ipv4-addr"]`, []badCase{
			{`"last_observed":"2019-01-01T00:00:00Z"`, "last_observed: must not be before first_observed"},
			{`"number_observed":0`, "number_observed: must be an integer from 1 to 999999999"},
			{`"number_observed":1000000000`, "number_observed: must be an integer from 1 to 999999999"},
			{`"objects":{"0":{"type":"file","name":"a"}}`, "objects: not allowed together with object_refs"},
			{`"object_refs":null`, "object_refs: object_refs or objects is required"},
			{`"object_refs":null,"objects":{"0":{"type":"file","name":"a"}}`, ""},
			{`"object_refs":null,"objects":{"0":{"name":"a"}}`, "objects.0.type: must name a cyber-observable type"},
			{`"object_refs":["@malware"]`, `object_refs[0]: must refer to a cyber-observable or relationship object, not "malware"`},
			{`"object_refs":["@relationship"]`, "object_refs: must refer to at least one cyber-observable object"},
		}},
	{"opinion", `"opinion":"neutral","object_refs":["@report"]`, `"explanation":"e","authors":["a"]`, []badCase{
		{`"opinion":"agreed"`, `opinion: must be one of strongly-disagree, disagree, neutral, agree, strongly-agree, not "agreed"`},
		{`"opinion":3`, "opinion: must be a string"},
	}},
	{"report", `"name":"a","published":"2020-01-01T00:00:00Z","object_refs":["@tool"]`, `"report_types":["malware"]`, []badCase{
		nameBad,
		{`"published":"2020-01-01T00:00:00+01:00"`, "published: must be an RFC 3339 time in UTC, such as 2020-01-20T12:34:56.000Z"},
		{`"object_refs":"@tool"`, "object_refs: must be a list"},
	}},
	{"threat-actor", `"name":"a"`, `"threat_actor_types":["spy"],"roles":["agent"],"sophistication":"expert",` + seenTimes, []badCase{
		nameBad, seenBad, {`"personal_motivations":"p"`, "personal_motivations: must be a list"},
	}},
	{"tool", `"name":"a"`, `"tool_types":["remote-access"],"tool_version":"1",` + killChain, []badCase{nameBad, {`"tool_version":1`, "tool_version: must be a string"}}},
	{"vulnerability", `"name":"CVE-2020-1234"`, `"description":"d"`, []badCase{nameBad}},
}

var relationshipCases = []strictCase{
	{"relationship", `"relationship_type":"uses","source_ref":"@malware","target_ref":"@x-acme"`,
		`"start_time":"2020-01-01T00:00:00Z","stop_time":"2020-01-01T00:00:01Z","target_ref":"@url"`, []badCase{
			{`"stop_time":"2020-01-01T00:00:00.000Z"`, "stop_time: must be later than start_time"},
			{`"relationship_type":"Uses it"`, "relationship_type: must be lower-case letters, digits and hyphens"},
			{`"source_ref":"@relationship"`, `source_ref: must refer to a domain or cyber-observable object, not "relationship"`},
			{`"target_ref":"@marking-definition"`, `target_ref: must refer to a domain or cyber-observable object, not "marking-definition"`},
			{`"target_ref":"@bundle"`, `target_ref: must refer to a domain or cyber-observable object, not "bundle"`},
		}},
	{"sighting", `"sighting_of_ref":"@indicator"`, `"count":0,"summary":true,"observed_data_refs":["@observed-data"],"where_sighted_refs":["@identity","@location"],` + seenTimes, []badCase{
		seenBad,
		{`"count":-1`, "count: must be an integer from 0 to 999999999"},
		{`"count":1000000000`, "count: must be an integer from 0 to 999999999"},
		{`"sighting_of_ref":"@sighting"`, `sighting_of_ref: must refer to a domain object, not "sighting"`},
		{`"observed_data_refs":["@file"]`, `observed_data_refs[0]: must refer to observed-data, not "file"`},
		{`"where_sighted_refs":["@tool"]`, `where_sighted_refs[0]: must refer to identity, location, not "tool"`},
	}},
}

var metaCases = []strictCase{
	{"language-content", `"object_ref":"@tool","contents":{"de":{"name":"a"}}`, `"object_modified":"2020-01-01T00:00:00.000Z","contents":{"fr-CA":{"labels":["a","b"]}}`, []badCase{
		{`"object_ref":"@bundle"`, `object_ref: must refer to a STIX object, not "bundle"`},
		{`"contents":{}`, "contents: must not be empty"},
		{`"contents":{"de":"a"}`, "contents.de: must be an object"},
		{`"contents":{"d e":{"a":"b"}}`, `contents: key "d e" must have 1 to 250 characters of a-z, A-Z, 0-9, - and _`},
	}},
	{"extension-definition", `"created_by_ref":"@identity","name":"a","schema":"https://example.com/a.json","version":"1.0.0","extension_types":["new-sdo"]`,
		`"extension_types":["property-extension","toplevel-property-extension"],"extension_properties":["x_rank"]`, []badCase{
			nameBad,
			{`"extension_types":[]`, "extension_types: must not be an empty list; extension_properties: allowed only for toplevel-property-extension"},
			{`"extension_types":["new-sco"]`, "extension_properties: allowed only for toplevel-property-extension"},
			{`"extension_types":["toplevel-property-extension","sdo"]`, `extension_types[1]: must be one of new-sdo, new-sco, new-sro, property-extension, toplevel-property-extension, not "sdo"`},
		}},
	{"marking-definition", `"definition_type":"statement","definition":{"statement":"Copyright"}`,
		`"name":"a","extensions":{"extension-definition--60a3c5c5-0d10-413e-aab3-9e08dde9e88d":{"extension_type":"property-extension","tlp_2_0":"clear"}}`, []badCase{
			nameBad,
			{`"modified":"2020-01-20T12:34:56.000Z"`, "modified: not allowed by STIX 2.1 for marking-definition"},
			{`"definition_type":null,"definition":null`, ""},
			{`"definition_type":null,"definition":null,"extensions":null`, "definition_type: required where there are no extensions"},
			{`"definition":null`, "definition: required where definition_type is given"},
			{`"definition_type":null`, "definition_type: required where definition is given"},
			{`"definition":{"text":"a"}`, "definition.statement: must be a string"},
			{`"definition":{}`, "definition: must not be empty"},
			{`"definition_type":"tlp"`, "definition.tlp: must be one of white, green, amber, red"},
			{`"definition_type":"tlp","definition":{"tlp":"green"}`, "id: must be marking-definition--34098fce-860f-48ae-8e50-ebd3cc5e41da for TLP green"},
			{`"definition_type":"tlp","definition":{"tlp":"green"},"id":"marking-definition--34098fce-860f-48ae-8e50-ebd3cc5e41da"`, ""},
			{`"definition_type":"x-acme"`, ""},
		}},
}
