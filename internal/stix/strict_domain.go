package stix

// domainObjects are the 19 SDOs (STIX 2.1 section 4).
var domainObjects = map[string]schema{
	"attack-pattern": {
		required: []string{"name"},
		properties: kinds{
			"name": text, "description": text, "aliases": texts, "kill_chain_phases": killChainPhases,
		},
	},
	"campaign": {
		required: []string{"name"},
		properties: kinds{
			"name": text, "description": text, "aliases": texts, "objective": text,
			"first_seen": timestamp, "last_seen": timestamp,
		},
		rules: []rule{notBefore("first_seen", "last_seen")},
	},
	"course-of-action": {
		required:   []string{"name"},
		properties: kinds{"name": text, "description": text},
	},
	"grouping": {
		required: []string{"context", "object_refs"},
		properties: kinds{
			"name": text, "description": text, "context": text, "object_refs": list(refToAny),
		},
	},
	"identity": {
		required: []string{"name"},
		properties: kinds{
			"name": text, "description": text, "roles": texts, "identity_class": text,
			"sectors": texts, "contact_information": text,
		},
	},
	"incident": {
		required:   []string{"name"},
		properties: kinds{"name": text, "description": text},
	},
	"indicator": {
		required: []string{"pattern", "pattern_type", "valid_from"},
		properties: kinds{
			"name": text, "description": text, "indicator_types": texts,
			"pattern": text, "pattern_type": text, "pattern_version": text,
			"valid_from": timestamp, "valid_until": timestamp, "kill_chain_phases": killChainPhases,
		},
		rules: []rule{after("valid_from", "valid_until")},
	},
	"infrastructure": {
		required: []string{"name"},
		properties: kinds{
			"name": text, "description": text, "infrastructure_types": texts, "aliases": texts,
			"kill_chain_phases": killChainPhases, "first_seen": timestamp, "last_seen": timestamp,
		},
		rules: []rule{notBefore("first_seen", "last_seen")},
	},
	"intrusion-set": {
		required: []string{"name"},
		properties: kinds{
			"name": text, "description": text, "aliases": texts, "goals": texts,
			"first_seen": timestamp, "last_seen": timestamp, "resource_level": text,
			"primary_motivation": text, "secondary_motivations": texts,
		},
		rules: []rule{notBefore("first_seen", "last_seen")},
	},
	"location": {
		properties: kinds{
			"name": text, "description": text, "region": text, "country": text,
			"administrative_area": text, "city": text, "street_address": text, "postal_code": text,
			"latitude": number(-90, 90), "longitude": number(-180, 180), "precision": number(0, maxInteger),
		},
		rules: []rule{
			anyOf("region", "country", "latitude", "longitude"), needs("latitude", "longitude"),
			needs("longitude", "latitude"), needs("precision", "latitude", "longitude"),
		},
	},
	"malware": {
		required: []string{"is_family"},
		properties: kinds{
			"name": text, "description": text, "malware_types": texts, "is_family": boolean,
			"aliases": texts, "kill_chain_phases": killChainPhases,
			"first_seen": timestamp, "last_seen": timestamp,
			"operating_system_refs":       list(refTo("software")),
			"architecture_execution_envs": texts, "implementation_languages": texts,
			"capabilities": texts, "sample_refs": list(refTo("artifact", "file")),
		},
		rules: []rule{notBefore("first_seen", "last_seen"), familyHasName},
	},
	"malware-analysis": {
		required: []string{"product"},
		properties: kinds{
			"product": text, "version": text, "configuration_version": text, "modules": texts,
			"host_vm_ref": refTo("software"), "operating_system_ref": refTo("software"),
			"installed_software_refs": list(refTo("software")),
			"analysis_engine_version": text, "analysis_definition_version": text,
			"submitted": timestamp, "analysis_started": timestamp, "analysis_ended": timestamp,
			"result_name": text, "result": text, "analysis_sco_refs": list(refToObservable),
			"sample_ref": refTo("artifact", "file", "network-traffic"),
		},
		rules: []rule{anyOf("result", "analysis_sco_refs")},
	},
	"note": {
		required: []string{"content", "object_refs"},
		properties: kinds{
			"abstract": text, "content": text, "authors": texts, "object_refs": list(refToAny),
		},
	},
	"observed-data": {
		required: []string{"first_observed", "last_observed", "number_observed"},
		properties: kinds{
			"first_observed": timestamp, "last_observed": timestamp,
			"number_observed": integer(1, 999_999_999), "objects": dictionary(observedObject),
			"object_refs": list(refIn("a cyber-observable or relationship object", observable, relating)),
		},
		rules: []rule{
			notBefore("first_observed", "last_observed"), oneOf("object_refs", "objects"), observesSomething,
		},
	},
	"opinion": {
		required: []string{"opinion", "object_refs"},
		properties: kinds{
			"explanation": text, "authors": texts, "object_refs": list(refToAny),
			"opinion": enum("strongly-disagree", "disagree", "neutral", "agree", "strongly-agree"),
		},
	},
	"report": {
		required: []string{"name", "published", "object_refs"},
		properties: kinds{
			"name": text, "description": text, "report_types": texts,
			"published": timestamp, "object_refs": list(refToAny),
		},
	},
	"threat-actor": {
		required: []string{"name"},
		properties: kinds{
			"name": text, "description": text, "threat_actor_types": texts, "aliases": texts,
			"first_seen": timestamp, "last_seen": timestamp, "roles": texts, "goals": texts,
			"sophistication": text, "resource_level": text, "primary_motivation": text,
			"secondary_motivations": texts, "personal_motivations": texts,
		},
		rules: []rule{notBefore("first_seen", "last_seen")},
	},
	"tool": {
		required: []string{"name"},
		properties: kinds{
			"name": text, "description": text, "tool_types": texts, "aliases": texts,
			"kill_chain_phases": killChainPhases, "tool_version": text,
		},
	},
	"vulnerability": {
		required:   []string{"name"},
		properties: kinds{"name": text, "description": text},
	},
}

// relationshipObjects are the two SROs (section 5).
var relationshipObjects = map[string]schema{
	"relationship": {
		required: []string{"relationship_type", "source_ref", "target_ref"},
		properties: kinds{
			"relationship_type": relationshipType, "description": text,
			"source_ref": relatable, "target_ref": relatable,
			"start_time": timestamp, "stop_time": timestamp,
		},
		rules: []rule{after("start_time", "stop_time")},
	},
	"sighting": {
		required: []string{"sighting_of_ref"},
		properties: kinds{
			"description": text, "first_seen": timestamp, "last_seen": timestamp,
			"count": integer(0, 999_999_999), "summary": boolean,
			"sighting_of_ref":    refIn("a domain object", domain),
			"observed_data_refs": list(refTo("observed-data")),
			"where_sighted_refs": list(refTo("identity", "location")),
		},
		rules: []rule{notBefore("first_seen", "last_seen")},
	},
}

var (
	killChainPhases = list(nested(killChainPhase))
	relatable       = refIn("a domain or cyber-observable object", domain, observable)
)

func familyHasName(r *report, at string, o object) {
	if o["is_family"] == true && !has(o, "name") {
		r.add(at+"name", "required where is_family is true")
	}
}

// observedObject is one entry of the deprecated property objects: an observable
// in the form of STIX 2.0, of which only the type is judged.
func observedObject(r *report, at string, v any) {
	o, ok := asObject(r, at, v)
	if typ, isText := o["type"].(string); ok && (!isText || !typeForm(typ)) {
		r.add(place(at+".type"), "must name a cyber-observable type")
	}
}

// observesSomething says that object_refs has a cyber-observable, and not only
// relationships (section 4.14).
func observesSomething(r *report, at string, o object) {
	refs, _ := o["object_refs"].([]any)
	for _, ref := range refs {
		id, _ := ref.(string)
		if typ, _, ok := cutID(id); !ok || categoryOf(typ) != relating {
			return
		}
	}
	if len(refs) > 0 {
		r.add(at+"object_refs", "must refer to at least one cyber-observable object")
	}
}
