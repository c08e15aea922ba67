package v1beta1

// AlertManagerConfig is what Prometheus alerts may do to a cluster.
type AlertManagerConfig struct {
	// Alerts remove no broker when so many or fewer are there. 0: no limit.
	// +optional
	DownScaleLimit int `json:"downScaleLimit,omitempty"`
	// Alerts add no broker when so many or more are there. 0: no limit.
	// +optional
	UpScaleLimit int `json:"upScaleLimit,omitempty"`
	// Apply: alerts change this object. Recommend: the operator only says what it would change. Default: Apply, but
	// Recommend for objects that a GitOps tool or Helm owns.
	// +kubebuilder:validation:Enum=Apply;Recommend
	// +optional
	Mode AlertMode `json:"mode,omitempty"`
	// Act again on an alert that keeps firing after so many seconds. 0 or left out: once for each firing.
	// +kubebuilder:validation:Minimum=0
	// +optional
	RepeatAfterSeconds *int32 `json:"repeatAfterSeconds,omitempty"`
	// Wait so many seconds after one scaling before the next. Default 0.
	// +kubebuilder:validation:Minimum=0
	// +optional
	CooldownSeconds *int32 `json:"cooldownSeconds,omitempty"`
	// HTTP endpoints that are asked what to do about alerts.
	// +listType=map
	// +listMapKey=name
	// +kubebuilder:validation:MaxItems=20
	// +optional
	Plugins []AlertPlugin `json:"plugins,omitempty"`
}

// AlertMode says whether alerts change the cluster.
type AlertMode string

// The alert modes.
const (
	AlertModeApply     AlertMode = "Apply"
	AlertModeRecommend AlertMode = "Recommend"
)

// AlertPlugin is an HTTP endpoint that turns an alert into commands.
type AlertPlugin struct {
	// Name of the command in the alert's annotation.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=63
	Name string `json:"name"`
	// Where alert and state of the cluster are posted as JSON.
	// +kubebuilder:validation:Pattern=`^https?://`
	// +kubebuilder:validation:MaxLength=2048
	URL string `json:"url"`
	// Secret with token, and ca.crt if the endpoint's certificate is not publicly trusted.
	// +kubebuilder:validation:MaxLength=253
	// +optional
	SecretName string `json:"secretName,omitempty"`
	// How long to wait for an answer, in seconds. Default 5.
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=60
	// +optional
	TimeoutSeconds *int32 `json:"timeoutSeconds,omitempty"`
}
